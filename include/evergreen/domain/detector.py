"""The mixture e-detector: how strongly the newest hours say that the CTR has dropped.

Shin, Ramdas and Rinaldo 2023, "E-detectors: a nonparametric framework for sequential change
detection"; for one drop it is the Shiryaev-Roberts procedure (Shiryaev 1963; Roberts 1966).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

GRID = (0.10, 0.15, 0.25, 0.40, 0.50)
"""Relative drops that are looked for at once: a mixture loses little against the best one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What the evidence is held against; made by `alarm_level.calibrate`.

    Parameters:
        drops: relative drops that are looked for, [K], 0 to 1.
        weights: of each drop in the mixture, [K], sum 1.
        allowance: share by which the baseline is lowered first, for its own error.
        level: log of the statistic above which it alarms; higher is rarer and later.
        false_alarms_per_year: rate that the level was made for.
    """

    drops: tuple[float, ...]
    weights: tuple[float, ...]
    allowance: float
    level: float
    false_alarms_per_year: float

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Alarm:
        """Return the alarm that `to_json` wrote."""
        return cls(**{**body, "drops": tuple(body["drops"]), "weights": tuple(body["weights"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The state of the detector after the newest hour.

    Parameters:
        value: log of the mixture statistic; -inf before the first hour.
        drop: the drop of the grid that explains the hours best, 0 to 1.
        since: index of the hour at which it most likely began; None without hours.
    """

    value: float
    drop: float
    since: int | None


MIN_BEYOND = 0.02
"""A drop that is hardly larger than the allowance is looked for as if it were this large."""


def beyond_allowance(drops: Sequence[float], allowance: float) -> tuple[float, ...]:
    """Return the drops relative to the lowered baseline: 1 - (1 - d) / (1 - allowance).

    Example:
        >>> beyond_allowance([0.1, 0.25], 0.0625)
        (0.04, 0.2)
    """
    beyond = (1 - (1 - drop) / (1 - allowance) for drop in drops)
    return tuple(max(round(drop, 12), MIN_BEYOND) for drop in beyond)


def log_ratios(
    clicks: ArrayLike,
    impressions: ArrayLike,
    expected: ArrayLike,
    *,
    drops: Sequence[float],
    dispersion: float,
) -> np.ndarray:
    """Return each hour's log likelihood ratio of each drop against no drop, [H, K].

    l = (c log(p1/p0) + (n - c) log((1 - p1)/(1 - p0))) / dispersion, with p1 = (1 - drop) p0.
    Dividing by the dispersion is McCullagh's quasi-likelihood (1983).

    Parameters:
        clicks, impressions: mature counts, [H].
        expected: CTR without a change, [H], in (0, 1).
        dispersion: at least 1; higher is slower.

    Example:
        >>> log_ratios([50], [1000], [0.1], drops=[0.5], dispersion=1.0).round(2).tolist()
        [[16.71]]
    """
    c, n = np.asarray(clicks, float)[:, None], np.asarray(impressions, float)[:, None]
    p0, drop = np.asarray(expected, float)[:, None], np.asarray(drops, float)[None, :]
    p1 = (1 - drop) * p0
    ratio = c * np.log1p(-drop) + (n - c) * (np.log1p(-p1) - np.log1p(-p0))
    return np.asarray(ratio / dispersion)


def evidence(ratios: np.ndarray, *, alarm: Alarm) -> Evidence:
    """Return the evidence after the last hour that a drop began at one of these hours.

    For a drop d it is R_d = sum over starts s of exp(l_s + ... + l_t), which is the recursion
    R <- (1 + R) exp(l) run over these hours; the statistic is the weighted mean over drops.

    Parameters:
        ratios: of `log_ratios`, [H, K], oldest first; hours without impressions left out.
    """
    if not ratios.shape[0]:
        return Evidence(value=-np.inf, drop=alarm.drops[0], since=None)
    from_start = ratios[::-1].cumsum(axis=0)[::-1]  # l_s + ... + l_t of every start s
    by_drop = _log_sum(from_start) + np.log(np.maximum(alarm.weights, 1e-300))
    best = int(np.argmax(from_start.max(axis=0)))
    return Evidence(
        value=float(_log_sum(by_drop[:, None])[0]),
        drop=alarm.drops[best],
        since=int(np.argmax(from_start[:, best])),
    )


def _log_sum(values: np.ndarray) -> np.ndarray:
    """Return log(sum(exp(values))) over the first axis."""
    top = values.max(axis=0)
    return np.asarray(top + np.log(np.exp(values - top).sum(axis=0)))
