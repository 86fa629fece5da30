"""Whether one column has drifted, hour by hour: surprisingly, and by much.

Two looks at its bins. *Shift*: Pearson's X² over all bins, rare ones pooled, told in PSI.
*Gain*: the share of missing or of never seen values alone, which a break raises first and which
a reference that had none of them cannot pool away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from evergreen.domain.bins import LevelBins
from evergreen.domain.distances import distances
from evergreen.domain.profile import ColumnProfile
from evergreen.domain.share import wilson_lower
from evergreen.domain.surprise import MIN_BLOCKS, Spread, surprise
from evergreen.domain.verdict import Verdict

Kind = Literal["shift", "constant", "missing", "new_category"]
CONSTANT_SHARE = 0.999
"""A column is constant when one bin holds this share of its rows."""
MIN_EFFECTIVE_ROWS = 20.0
"""Fewer effective rows say nothing: the rule of thumb of four bins that expect five."""
NO_SHIFT, SHIFT, MISSING, NEW_CATEGORY = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a column is looked at.

    Parameters:
        name: `24h` for the rolling day, `1h` for sudden breaks.
        min_psi: a smaller PSI is not large.
        min_gain: missing or never seen rows must have gained this share of all rows, 0 to 1.
        alpha: probability of a surprise without a change, of one test; smaller is calmer.
        empty_share: floor of an empty bin in PSI.
    """

    name: Literal["24h", "1h"]
    min_psi: float
    min_gain: float
    alpha: float
    empty_share: float

    def spread(self, column: ColumnProfile) -> Spread:
        """Return how much blocks of this view's length differ without a change."""
        return column.day if self.name == "24h" else column.hour


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """What one view says of one column; value, bound and sample sizes together.

    Parameters:
        psi: over pooled bins; None where there was nothing to compare.
        p_value: of the shift; None where it could not be judged.
        kind: what happened; None without a drift.
        effective_rows: rows / design effect.
        empty_share: the floor that PSI was computed with.
    """

    column: str
    view: str
    verdict: Verdict
    kind: Kind | None
    reason: str
    importance: float
    rows: int
    reference_rows: int
    effective_rows: float = 0.0
    psi: float | None = None
    min_psi: float | None = None
    p_value: float | None = None
    alpha: float | None = None
    jensen_shannon: float | None = None
    wasserstein: float | None = None
    largest_change: float | None = None
    largest_bin: str = ""
    empty_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSeries:
    """What one view says of one column in each of many hours.

    Parameters:
        counts: rows in each bin, [H, B].
        what: NO_SHIFT, SHIFT, MISSING or NEW_CATEGORY, [H].
        judged: whether there was enough data, [H].
        psi, p_value: [H].
        lacking: why nothing can be judged at all; empty otherwise.
    """

    name: str
    column: ColumnProfile
    view: View
    counts: np.ndarray
    what: np.ndarray
    judged: np.ndarray
    psi: np.ndarray
    p_value: np.ndarray
    lacking: str

    def at(self, hour: int, *, problem: str = "") -> ColumnDrift:
        """Return what is said of one hour.

        Parameters:
            hour: index, 0 to H - 1; -1 is the newest.
            problem: why the column could not be counted in it.
        """
        now, then = self.counts[hour], np.asarray(self.column.counts)
        lacking = problem or self.lacking or ("" if self.judged[hour] else _too_few(now))
        if lacking:
            return ColumnDrift(
                column=self.name,
                view=self.view.name,
                verdict=Verdict.NOT_ENOUGH_DATA,
                kind=None,
                reason=lacking,
                importance=self.column.importance,
                rows=int(now.sum()),
                reference_rows=int(then.sum()),
            )
        apart = distances(then, now, empty_share=self.view.empty_share)
        kind, psi = _kind(int(self.what[hour]), now, then), float(self.psi[hour])
        where = self.column.bins.labels[apart.largest_bin]
        return ColumnDrift(
            column=self.name,
            view=self.view.name,
            verdict=Verdict.YES if kind else Verdict.NO,
            kind=kind,
            reason=f"PSI {psi:.2f} (large from {self.view.min_psi:g}); "
            f"{where}: {apart.largest_change:+.1%} of rows",
            importance=self.column.importance,
            rows=int(now.sum()),
            reference_rows=int(then.sum()),
            effective_rows=float(now.sum() / self.view.spread(self.column).design_effect),
            psi=psi,
            min_psi=self.view.min_psi,
            p_value=_known(self.p_value[hour]),
            alpha=self.view.alpha,
            jensen_shannon=apart.jensen_shannon,
            wasserstein=None if isinstance(self.column.bins, LevelBins) else apart.wasserstein,
            largest_change=apart.largest_change,
            largest_bin=where,
            empty_share=self.view.empty_share,
        )


def judge_column(
    name: str, counts: ArrayLike, column: ColumnProfile, *, view: View
) -> ColumnSeries:
    """Say of each hour whether the column has drifted.

    Shifted: p < alpha and PSI >= min_psi. Gained: Wilson's lower bound (at rows / design effect
    trials) of the missing or never seen share lies above the reference's share, and the share has
    grown by `min_gain`.

    Parameters:
        counts: rows in each bin of the view that ends with each hour, [H, B]; zeros where it could
            not be counted.
    """
    x, then = np.asarray(counts, dtype=float), np.asarray(column.counts, dtype=float)
    spread, hours = view.spread(column), x.shape[0]
    lacking = _lacking(x, then, spread)
    if lacking:
        nothing = np.full(hours, np.nan)
        return ColumnSeries(
            name=name,
            column=column,
            view=view,
            counts=x,
            what=np.full(hours, NO_SHIFT),
            judged=np.zeros(hours, dtype=bool),
            psi=nothing,
            p_value=nothing,
            lacking=lacking,
        )
    found = surprise(x, then, spread=spread, empty_share=view.empty_share)
    effective = x.sum(axis=1) / spread.design_effect
    enough = effective >= MIN_EFFECTIVE_ROWS
    what = np.where((found.p_value < view.alpha) & (found.psi >= view.min_psi), SHIFT, NO_SHIFT)
    top = int(np.argmax(then))
    beside = _gained(x.sum(axis=1) - x[:, top], then.sum() - then[top], x, then, effective, view)
    what[enough & np.isnan(found.p_value) & beside & (found.psi >= view.min_psi)] = SHIFT
    if isinstance(column.bins, LevelBins):
        what[enough & _gained(x[:, -2], then[-2], x, then, effective, view)] = NEW_CATEGORY
    what[enough & _gained(x[:, -1], then[-1], x, then, effective, view)] = MISSING
    return ColumnSeries(
        name=name,
        column=column,
        view=view,
        counts=x,
        what=what,
        judged=enough | ~np.isnan(found.p_value),
        psi=found.psi,
        p_value=found.p_value,
        lacking="",
    )


def _gained(
    some: np.ndarray,
    before: float,
    x: np.ndarray,
    then: np.ndarray,
    effective: np.ndarray,
    view: View,
) -> np.ndarray:
    """Say in which hours some rows of all have surely and largely grown, [H].

    Surely: Wilson's lower bound now lies above his upper bound of the reference.
    """
    rows = np.maximum(x.sum(axis=1), 1)
    clusters = rows / np.maximum(effective, 1e-9)  # the design effect, of the reference too
    lower = wilson_lower(some / rows, np.maximum(effective, 1e-9), alpha=view.alpha)
    upper = 1 - wilson_lower(1 - before / then.sum(), then.sum() / clusters, alpha=view.alpha)
    return np.asarray((lower > upper) & (some / rows - before / then.sum() >= view.min_gain))


def _lacking(x: np.ndarray, then: np.ndarray, spread: Spread) -> str:
    if x.shape[1] != then.size:
        return f"sketched in {x.shape[1]} bins, the profile has {then.size}"
    if not then.sum():
        return "the reference has no rows of it"
    if spread.blocks < MIN_BLOCKS:
        return f"the reference has {spread.blocks} blocks of this length, {MIN_BLOCKS} needed"
    return ""


def _too_few(now: np.ndarray) -> str:
    return f"{int(now.sum())} rows are too few" if now.sum() else "no rows"


def _kind(what: int, now: np.ndarray, then: np.ndarray) -> Kind | None:
    if what == SHIFT:
        constant = now.max() / now.sum() >= CONSTANT_SHARE > then.max() / then.sum()
        return "constant" if constant else "shift"
    kinds: dict[int, Kind] = {MISSING: "missing", NEW_CATEGORY: "new_category"}
    return kinds.get(what)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
