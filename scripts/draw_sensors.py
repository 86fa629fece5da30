"""Draws docs/images/sensors-*.png and writes the table of delays into how-sensors-decide.md.

The pictures are of simulated, seeded traffic that the sensors' own functions judge. Run it again
when they change: `.venv/bin/python scripts/draw_sensors.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log, log10
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from evergreen.config.monitor_spec import MonitorSpec
from evergreen.config.settings import PROJECT
from evergreen.domain.alarm_level import calibrate, drops_from
from evergreen.domain.baseline import CtrBaseline, fit_baseline
from evergreen.domain.bins import numeric_bins
from evergreen.domain.column_drift import ColumnDrift, View, judge_column
from evergreen.domain.ctr import CtrJudgement, CtrRule, judge_ctr
from evergreen.domain.profile import ColumnProfile
from evergreen.domain.promise import HOURS_A_YEAR, ctr_alarms_per_year, drift_alpha
from evergreen.domain.surprise import fit_spread
from evergreen.domain.verdict import Verdict

IMAGES, PAGE = PROJECT / "docs/images", PROJECT / "docs/explanation/how-sensors-decide.md"
BEGIN, END = "<!-- delays: made by scripts/draw_sensors.py -->", "<!-- end of delays -->"
GREEN, GREY, RED = "#2e7d32", "#9e9e9e", "#c62828"
START = datetime(2024, 1, 1, tzinfo=UTC)
SPEC = MonitorSpec()
REFERENCE_HOURS, SHOWN_HOURS, DROP_AT, DROP = 672, 120, 60, 0.25
AN_HOUR, CTR, PHI, USER = 2_000, 0.04, 3.0, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Hours of traffic, [H], and what the sensor said of each."""

    clicks: np.ndarray
    impressions: np.ndarray
    baseline: CtrBaseline
    judgements: list[CtrJudgement]

    @property
    def alarm(self) -> int:
        """The first hour that alarms."""
        return next(i for i, j in enumerate(self.judgements) if j.verdict is Verdict.YES)


def traffic(rng: np.random.Generator, hours: int, drop_at: int) -> tuple[np.ndarray, np.ndarray]:
    """Return clicks and impressions: a daily cycle of 15 % and clicks that come by users."""
    hour = np.arange(hours)
    n = USER * rng.poisson(AN_HOUR / USER * (1 + 0.15 * np.sin(2 * np.pi * hour / 24)))
    rate = (
        CTR * (1 + 0.15 * np.sin(2 * np.pi * hour / 24 + 2)) * np.where(hour < drop_at, 1, 1 - DROP)
    )
    strength = (USER - PHI) / (PHI - 1)
    users = [
        rng.beta(r * strength, (1 - r) * strength, count // USER)
        for r, count in zip(rate, n, strict=True)
    ]
    return np.array([rng.binomial(USER, own).sum() for own in users]), n


def watch(seed: int) -> Watched:
    """Judge every hour of five days in which the CTR drops."""
    rng = np.random.default_rng(seed)
    clicks, impressions = traffic(rng, REFERENCE_HOURS, REFERENCE_HOURS)
    baseline = fit_baseline(hours_of(REFERENCE_HOURS), clicks, impressions)
    assert baseline is not None
    alarm = calibrate(
        baseline,
        drops=drops_from(SPEC.ctr.min_drop),
        false_alarms_per_year=ctr_alarms_per_year(SPEC.false_alarms_per_year),
        seed=7,
    )
    rule = CtrRule(
        max_drop=SPEC.ctr.max_drop,
        floor=None,
        confidence=SPEC.confidence,
        min_impressions=SPEC.min_impressions,
        min_hour_impressions=SPEC.min_hour_impressions,
    )
    clicks, impressions = traffic(rng, SHOWN_HOURS, DROP_AT)
    said = [
        judge_ctr(
            hours_of(end),
            clicks[:end],
            impressions[:end],
            window_start=START,
            evidence_start=START,
            baseline=baseline,
            alarm=alarm,
            rule=rule,
        )
        for end in range(1, SHOWN_HOURS + 1)
    ]
    return Watched(clicks=clicks, impressions=impressions, baseline=baseline, judgements=said)


def hours_of(count: int) -> list[datetime]:
    """Return so many hours from a Monday on; weeks begin at its hour of the week."""
    return [START + timedelta(hours=i) for i in range(count)]


def draw_ctr(path: Path) -> None:
    """Draw CTR with its baseline, and the evidence that climbs to the level."""
    seen, days = watch(3), np.arange(SHOWN_HOURS) / 24
    expected = seen.baseline.expected(hours_of(SHOWN_HOURS))
    sd = np.sqrt(seen.baseline.dispersion * expected * (1 - expected) / seen.impressions)
    figure, (top, below) = plt.subplots(
        2, 1, figsize=(10, 6), sharex=True, height_ratios=[3, 2], layout="constrained"
    )
    top.fill_between(days, expected - 2 * sd, expected + 2 * sd, color=GREEN, alpha=0.15, lw=0)
    top.plot(days, expected, color=GREEN, lw=2, label="baseline ± 2 standard deviations")
    top.plot(days, seen.clicks / seen.impressions, ".", color=GREY, ms=6, label="one hour")
    top.yaxis.set_major_formatter(PercentFormatter(1.0))
    top.set_ylabel("CTR")
    top.set_title(
        f"{AN_HOUR:,} impressions an hour: a CTR of {CTR:.0%} drops by {DROP:.0%}", loc="left"
    )
    draw_evidence(below, seen, days)
    alarm, said = seen.alarm, seen.judgements[seen.alarm]
    since = next(i for i, h in enumerate(hours_of(SHOWN_HOURS)) if f"{h:%Y-%m-%dT%H}" == said.since)
    for axis in (top, below):
        axis.axvline(DROP_AT / 24, color="black", lw=1.2, ls="--", label="the drop")
        axis.axvline(since / 24, color=RED, lw=1.2, ls=":", label="most likely start, by the alarm")
        axis.axvline(
            alarm / 24, color=RED, lw=1.2, label=f"alarm after {alarm - DROP_AT + 1} hours"
        )
        finish(axis)
    figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncol=5,
                  frameon=False, fontsize=9)  # fmt: skip
    below.set_xlabel("days")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_evidence(axis: Axes, seen: Watched, days: np.ndarray) -> None:
    """Draw the log of the statistic, up to some hours after the alarm."""
    shown, level = slice(0, seen.alarm + 7), seen.judgements[0].level or 0.0
    axis.plot(days[shown], [j.evidence for j in seen.judgements[shown]], color=GREEN, lw=2)
    axis.axhline(level, color=RED, lw=1)
    axis.annotate(f"alarm level {level:.1f}", (0.03, level), xytext=(0, 4), color=RED,
                  textcoords="offset points", fontsize=9)  # fmt: skip
    axis.set_ylabel("evidence (log)")


COLUMNS: dict[str, tuple[float, float, int]] = {
    # shift of the mean in standard deviations, share of the gain, users a day
    "price": (0.40, 0.35, 800),
    "age of item": (0.21, 0.30, 2_400),
    "views in 7 days": (0.0, 0.20, 2_400),
    "visitor's orders": (0.42, 0.13, 60),
    "banner slot": (0.60, 0.02, 560),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the sensor said of a column, and its shares of rows then and now, [B]."""

    drift: ColumnDrift
    then: np.ndarray
    now: np.ndarray


def judged_column(name: str, rng: np.random.Generator, view: View) -> Judged:
    """Judge a day whose mean has moved; ten rows of a user are alike."""
    shift, importance, users = COLUMNS[name]
    bins = numeric_bins(rng.normal(size=20_000))
    days = [USER * bins.count(rng.normal(size=users)) for _ in range(28)]
    spread = fit_spread(days)
    column = ColumnProfile(
        bins=bins,
        counts=tuple(np.sum(days, axis=0).tolist()),
        importance=importance,
        day=spread,
        hour=spread,
    )
    now = USER * bins.count(rng.normal(shift, 1, size=users))
    return Judged(
        drift=judge_column(name, [now], column, view=view).at(-1),
        then=np.asarray(column.counts) / np.sum(column.counts),
        now=now / now.sum(),
    )


def draw_drift(path: Path) -> None:
    """Draw one column then and now, and all columns by size and surprise."""
    rng = np.random.default_rng(11)
    view = View(
        name="24h",
        min_psi=SPEC.drift.min_psi,
        min_gain=SPEC.drift.min_gain,
        alpha=drift_alpha(SPEC.false_alarms_per_year, len(COLUMNS)),
        empty_share=SPEC.drift.empty_share,
    )
    said = {name: judged_column(name, rng, view) for name in COLUMNS}
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    draw_bins(left, said["price"])
    draw_plane(right, [judged.drift for judged in said.values()], view)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_bins(axis: Axes, judged: Judged) -> None:
    """Draw a column's shares in the reference and now."""
    at, drift = np.arange(judged.then.size), judged.drift
    axis.bar(at - 0.2, judged.then, 0.4, color=GREY, label="reference, 28 days")
    axis.bar(at + 0.2, judged.now, 0.4, color=GREEN, label="the last 24 hours")
    axis.set_xticks(at, [*map(str, at[1:]), "none"])
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.set_xlabel("bin: tenths of the reference, and no value")
    axis.set_ylabel("share of rows")
    axis.set_title(f"{drift.column}: PSI {drift.psi:.2f}", loc="left")
    axis.legend(loc="upper left", frameon=False, fontsize=9)
    finish(axis)


def draw_plane(axis: Axes, columns: list[ColumnDrift], view: View) -> None:
    """Draw every column: size to the right, surprise upwards, area by its share of the gain."""
    axis.set_xscale("log")
    axis.set_xlim(1e-4, 2)
    axis.set_ylim(-1, 34)
    axis.axvline(view.min_psi, color=RED, lw=1)
    axis.axhline(-log10(view.alpha), color=RED, lw=1)
    axis.fill_between([view.min_psi, 2], -log10(view.alpha), 34, color=RED, alpha=0.08, lw=0)
    for c in columns:
        x, y = c.psi or 0.0, -log10(c.p_value or 1.0)
        color = RED if c.verdict is Verdict.YES else GREY
        axis.scatter(x, y, s=30 + 900 * c.importance, color=color, alpha=0.7)
        axis.annotate(f"{c.column}, {c.importance:.0%}", (x, y), xytext=(0, 13), fontsize=9,
                      ha="center", textcoords="offset points")  # fmt: skip
    axis.text(1.9, 33, "surprising and large", color=RED, ha="right", va="top", fontsize=9)
    axis.text(view.min_psi, 27, "min_psi ", color=RED, fontsize=9, ha="right")
    axis.text(1.1e-4, -log10(view.alpha) + 0.4, "surprising above this line", color=RED, fontsize=9)
    axis.set_xlabel("size: PSI over 24 hours")
    axis.set_ylabel("surprise: −log10 p")
    axis.set_title("each column, with its share of the gain", loc="left")
    finish(axis)


VOLUMES, DROPS, PHIS = (200, 2_000, 20_000, 100_000), (0.10, 0.15, 0.25, 0.40), (1.0, 3.0)


def lorden_hours(impressions: float, drop: float, phi: float) -> float:
    """Return log(run length) · phi / (n · KL) at the promise's default, in hours."""
    p0, p1 = CTR, (1 - drop) * CTR
    kl = p1 * log(p1 / p0) + (1 - p1) * log((1 - p1) / (1 - p0))
    run_length = HOURS_A_YEAR / ctr_alarms_per_year(SPEC.false_alarms_per_year)
    return log(run_length) * phi / (impressions * kl)


def delay_table() -> str:
    """Return the table in Markdown: a row for volume and dispersion, a column for each drop."""
    head = ["impressions an hour", "dispersion", *(f"{drop:.0%} drop" for drop in DROPS)]
    lines = [f"| {' | '.join(head)} |", f"|{' ---: |' * len(head)}"]
    for n in VOLUMES:
        for phi in PHIS:
            hours = [duration(lorden_hours(n, drop, phi)) for drop in DROPS]
            lines.append(f"| {' | '.join([f'{n:,}', f'{phi:g}', *hours])} |")
    return "\n".join(lines)


def duration(hours: float) -> str:
    """Return hours, or days where they are many; no sensor answers within its hour."""
    if hours < 1:
        return "within 1 h"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"


def with_table(page: str) -> str:
    """Return the page with the table as it is computed now."""
    return f"{page.partition(BEGIN)[0]}{BEGIN}\n{delay_table()}\n{END}{page.partition(END)[2]}"


def finish(axis: Axes) -> None:
    """Give an axis the look of the project's pictures."""
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Write both pictures and the table."""
    draw_ctr(IMAGES / "sensors-ctr.png")
    draw_drift(IMAGES / "sensors-drift.png")
    PAGE.write_text(with_table(PAGE.read_text()))


if __name__ == "__main__":
    main()
