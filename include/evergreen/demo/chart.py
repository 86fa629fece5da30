"""The demo's picture: CTR and fallback share over time, with the deployments marked."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evergreen.demo.plan import DemoPlan

GREEN, GREY, RED = "#2e7d32", "#9e9e9e", "#c62828"
SMOOTHING_DAYS = 7


def draw(
    before: pl.DataFrame, after: pl.DataFrame, plan: DemoPlan, path: Path, *, source: str
) -> Path:
    """Write the PNG and return its path.

    Args:
        before, after: what `history.daily` returned of the two champions' times; apart, so that
            smoothing does not blur the deployment.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import PercentFormatter

    share = pl.col("clicks") / pl.col("impressions")
    days = pl.concat([before, after])
    smooth = [_rolling(before), _rolling(after)]
    figure, (top, below) = plt.subplots(
        2, 1, figsize=(10, 5.6), sharex=True, height_ratios=[3, 1], layout="constrained"
    )
    top.plot(days["day"], days.select(share).to_series(), ".", color=GREY, ms=4, label="one day")
    for i, era in enumerate(smooth):
        label = "7 days" if i == 0 else None
        top.plot(era["day"], era["ctr"], color=GREEN, lw=2.2, label=label)
        below.fill_between(era["day"], era["fallback"], color=RED, alpha=0.25, lw=0)
        below.plot(era["day"], era["fallback"], color=RED, lw=1.5)
    for axis in (top, below):
        axis.axvline(plan.live, color="black", lw=1.2, ls="--")
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    top.set_ylim(bottom=0)
    below.set_ylim(bottom=0)
    top.annotate(
        "retrained and deployed",
        (plan.live, top.get_ylim()[1]),
        xytext=(-6, -12),
        textcoords="offset points",
        ha="right",
        fontsize=9,
    )
    top.set_ylabel("click-through rate")
    below.set_ylabel("fallback share")
    top.legend(loc="lower left", frameon=False, fontsize=9)
    top.set_title(f"also_bought on {source}: a champion goes stale and is replaced", loc="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path


def _rolling(days: pl.DataFrame) -> pl.DataFrame:
    window = {"index_column": "day", "period": f"{SMOOTHING_DAYS}d"}
    return (
        days.rolling(**window)
        .agg(pl.col("clicks", "impressions", "fallback").sum())
        .select(
            "day",
            ctr=pl.col("clicks") / pl.col("impressions"),
            fallback=pl.col("fallback") / pl.col("impressions"),
        )
    )
