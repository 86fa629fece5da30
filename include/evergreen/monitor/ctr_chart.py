"""The picture of an incident: the CTR of the days before it, and what was expected."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.windows import HOUR, Window, floor_hour, parse_hour
from evergreen.monitor.records import measured_hour, sketches_of
from evergreen.monitor.series import judge_ctr_hours

DAYS = 14
GREEN, GREY, RED = "#2e7d32", "#616161", "#c62828"
MIN_HOURS = 2
Judged = tuple[datetime, dict[str, Any]]
"""An hour, and the body of its CTR judgement."""


def ctr_chart(spec: ModelSpec, hour: datetime, *, ledger: Ledger) -> bytes | None:
    """Return a PNG of the CTR as it was judged up to an hour; None where there are no numbers.

    Each point is the trailing window that was judged at that hour, with its bounds, beside what the
    champion's baseline expected of the same hours and the lowest that was allowed. A line marks
    where the drop most likely began, as it was judged at the last hour. Where the monitor has not
    run in these days, they are judged now, from the counts that it made when it came.
    """
    window = Window(hour - timedelta(days=DAYS), hour + HOUR)
    kept = ledger.measurements(spec.model, window, "ctr")
    judged: list[Judged] = [(m.hour, m.body) for m in kept]
    if len(judged) < MIN_HOURS and judged:
        judged = _judged_now(spec, hour, window, ledger)
    shown = [each for each in judged if _value(each[1]) is not None]
    return _draw(spec.model, shown) if len(shown) >= MIN_HOURS else None


def _judged_now(spec: ModelSpec, hour: datetime, window: Window, ledger: Ledger) -> list[Judged]:
    """Return the judgement of every hour since the champion serves."""
    measured = measured_hour(spec, hour, ledger)
    start = floor_hour(max(window.start, measured.since or window.start))
    counted = Window(start - max(spec.monitor.ctr.memory, spec.monitor.window), window.end)
    sketches = sketches_of(spec, counted, measured, ledger).sketches
    hours = [h for h in window.hours() if h >= start]
    if not hours:
        return []
    judgements = judge_ctr_hours(
        spec, Window(hours[0], window.end), measured.profile, sketches, since=measured.since
    )
    return [(h, asdict(said)) for h, said in zip(hours, judgements, strict=True)]


def _draw(model: str, judged: Sequence[Judged]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    hours, bodies = [hour for hour, _ in judged], [body for _, body in judged]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    lower = [_number(body["ctr"].get("lower")) for body in bodies]
    upper = [_number(body["ctr"].get("upper")) for body in bodies]
    axis.fill_between(hours, lower, upper, color=GREEN, alpha=0.15, lw=0)
    axis.plot(
        hours, [_value(body) for body in bodies], color=GREEN, lw=2, label="CTR, with its bounds"
    )
    expected = [body.get("expected") for body in bodies]
    if any(expected):
        axis.plot(hours, [_number(e) for e in expected], color=GREY, lw=1.5, label="expected")
    bound = [body.get("bound") or None for body in bodies]
    if any(bound):
        shown = [_number(b) for b in bound]
        axis.plot(hours, shown, color=RED, lw=1, ls=":", label="lowest allowed")
    since = bodies[-1].get("since")
    if since and parse_hour(since) >= hours[0]:
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


def _value(body: dict[str, Any]) -> float | None:
    """Return the CTR; None where nothing was shown, which is NaN before it is written down."""
    value = (body.get("ctr") or {}).get("value")
    return None if value is None or math.isnan(value) else float(value)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
