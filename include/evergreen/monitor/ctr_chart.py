"""The picture of an incident: the CTR of the days before it, and what was expected."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime, timedelta

from evergreen.adapters.ledger import Ledger, Measurement
from evergreen.domain.windows import HOUR, Window, parse_hour

DAYS = 14
GREEN, GREY, RED = "#2e7d32", "#616161", "#c62828"
MIN_HOURS = 2


def ctr_chart(model: str, hour: datetime, *, ledger: Ledger) -> bytes | None:
    """Return a PNG of the CTR as it was judged up to an hour; None where it hardly ever was.

    Each point is the trailing window that was judged at that hour, with its bounds, beside what the
    champion's baseline expected of the same hours and the lowest that was allowed. A line marks
    where the drop most likely began, as it was judged at the last hour.
    """
    window = Window(hour - timedelta(days=DAYS), hour + HOUR)
    judged = [m for m in ledger.measurements(model, window, "ctr") if _value(m) is not None]
    return _draw(model, judged) if len(judged) >= MIN_HOURS else None


def _draw(model: str, judged: Sequence[Measurement]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    hours = [m.hour for m in judged]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    lower = [_share(m, "lower") for m in judged]
    upper = [_share(m, "upper") for m in judged]
    axis.fill_between(hours, lower, upper, color=GREEN, alpha=0.15, lw=0)
    axis.plot(hours, [_value(m) for m in judged], color=GREEN, lw=2, label="CTR, with its bounds")
    expected = [m.body.get("expected") for m in judged]
    if any(expected):
        axis.plot(hours, [_number(e) for e in expected], color=GREY, lw=1.5, label="expected")
    bound = [m.body.get("bound") or None for m in judged]
    if any(bound):
        shown = [_number(b) for b in bound]
        axis.plot(hours, shown, color=RED, lw=1, ls=":", label="lowest allowed")
    if since := judged[-1].body.get("since"):
        axis.axvline(parse_hour(since), color=RED, lw=1, ls="--", label="most likely since")
        axis.set_xlim(hours[0], hours[-1])
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    locator = AutoDateLocator()
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(loc="lower left", frameon=False, fontsize=8)
    axis.set_title(f"{model}: click-through rate (UTC)", loc="left", fontsize=10, parse_math=False)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    return png.getvalue()


def _value(measurement: Measurement) -> float | None:
    return (measurement.body.get("ctr") or {}).get("value")


def _share(measurement: Measurement, name: str) -> float:
    return _number(measurement.body["ctr"].get(name))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
