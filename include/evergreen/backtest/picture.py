"""One picture of a backtest: the CTR of every policy over time, alarms and deployments marked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

SMOOTHED_DAYS = 7
COLOURS = ("#9aa0a6", "#e07b39", "#3b7dd8", "#7b4fb5", "#1f9d63", "#c2416b", "#5f6b7a")
MARKS = {
    "alarm": ("v", "#c62828", "alarm"),
    "deployed": ("o", "#1f9d63", "deployed"),
    "held": ("x", "#5f6b7a", "held back by the gate"),
    "rolled_back": ("s", "#c2416b", "rolled back"),
}


def draw(report: Mapping[str, Any], path: Path) -> None:
    """Write the picture as PNG.

    Each point is the CTR of the `SMOOTHED_DAYS` days that end there. What happened is marked on the
    lines of the policies that have a monitor or a gate: schedules deploy too often to tell apart.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(11, 5.2), layout="constrained")
    axes = figure.subplots()
    used: set[str] = set()
    for number, (name, said) in enumerate(report["policies"].items()):
        if said["ctr"] is None:
            continue  # nothing was shown
        days, ctr = _smoothed(said["days"])
        colour = COLOURS[number % len(COLOURS)]
        watched = said["alarms"] is not None or said["holds"] > 0
        label = f"{name}: {said['ctr']:.2%}, {said['retrains']} retrainings"
        axes.plot(
            days,
            ctr,
            color=colour,
            linewidth=2.4 if watched else 1.4,
            label=label,
            zorder=3 if watched else 2,
        )
        if watched:
            _mark(axes, said["events"], days, ctr, used)
    axes.set_ylabel(f"CTR of the last {SMOOTHED_DAYS} days")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.grid(axis="y", color="#e3e5e8")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_title(f"{report['model']}: what each policy would have earned", loc="left")
    axes.legend(frameon=False, fontsize=9, ncols=2, loc="lower left")
    FigureCanvasAgg(figure).print_png(path)


def _smoothed(days: list[dict[str, Any]]) -> tuple[list[datetime], np.ndarray]:
    shown = np.array([day["impressions"] for day in days], dtype=float)
    clicks = np.array([day["clicks"] for day in days], dtype=float)
    kernel = np.ones(SMOOTHED_DAYS)
    n, c = (np.convolve(values, kernel)[: len(days)] for values in (shown, clicks))
    moments = [datetime.fromisoformat(day["day"]).replace(tzinfo=UTC) for day in days]
    return moments, np.where(n > 0, c / np.maximum(n, 1), np.nan)


def _mark(
    axes: Any, events: list[dict[str, Any]], days: list[datetime], ctr: np.ndarray, used: set[str]
) -> None:
    first = days[0]
    for event in events:
        if event["kind"] not in MARKS:
            continue
        shape, colour, label = MARKS[event["kind"]]
        at = datetime.fromisoformat(event["hour"]).replace(tzinfo=UTC)
        height = ctr[min((at - first).days, len(ctr) - 1)]
        axes.plot(
            [at],
            [height],
            shape,
            color=colour,
            markersize=7,
            zorder=4,
            linestyle="none",
            label=None if label in used else label,
        )
        used.add(label)
