"""The report's pictures, as SVG to stand inside a page: no script, no font, no address.

Lines and text take the page's own text colour, so they read in light and in dark. Matplotlib is
imported when a picture is drawn: that takes half a second.
"""

from __future__ import annotations

import io
import itertools
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evergreen.trainer.rule_rows import plain, verdict_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#010203"  # stands for the page's text colour, which Matplotlib does not know
COLOURS = {"pass": "#2e9e4f", "fail": "#d64545", "not_enough_data": "#8a8f98"}
MODELS = {"challenger": "#2e9e4f", "champion": "#3b82c4"}
MAX_SLICES = 40
LABEL_LENGTH = 48
WIDTH_IN, ROW_IN = 7.2, 0.3
STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.size": 9,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_gain_by_slice(rules: Sequence[Mapping[str, Any]]) -> str:
    """Return the gain over the champion, of all page views and of each slice; "" without any."""
    found = [r for r in rules if r.get("name") in ("gain", "slice") and _finite(r.get("value"))]
    shown = found[:MAX_SLICES]
    if not shown:
        return ""

    def draw(axes: Axes) -> None:
        for place, rule in enumerate(shown):
            value = float(rule["value"])
            ends = [rule.get("lower"), rule.get("upper")]
            low, high = (float(end) if _finite(end) else value for end in ends)
            colour = COLOURS.get(verdict_of(rule), INK)
            axes.plot([low, high], [place, place], color=colour, lw=2)
            axes.plot([value], [place], "o", color=colour, ms=5)
            if _finite(rule.get("bound")):
                axes.plot([float(rule["bound"])], [place], "|", color=INK, ms=11)
        axes.axvline(0, color=INK, lw=0.7, ls=":")
        names = [_label(str(rule.get("subject") or "all page views")) for rule in shown]
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel("gain a page view, interval, and the bound as a tick")

    title = f"Gain by slice with intervals, {len(shown)} of {len(found)} shown"
    return _svg("gain", title, 0.9 + ROW_IN * len(shown), draw)


def draw_calibration(calibration: Mapping[str, Any]) -> str:
    """Return predicted against observed click rate of each model; "" without any bins."""
    lines = {who: _points(calibration.get(who)) for who in MODELS}
    lines = {who: points for who, points in lines.items() if points}
    if not lines:
        return ""

    def draw(axes: Axes) -> None:
        top = max(max(point[:2]) for points in lines.values() for point in points) or 1.0
        axes.plot([0, top], [0, top], color=INK, lw=0.7, ls=":")
        for who, points in lines.items():
            x, y, rows = zip(*points, strict=True)
            axes.plot(x, y, color=MODELS[who], lw=1.5, label=who)
            largest = max(rows) or 1
            sizes = [10 + 50 * n / largest for n in rows]
            axes.scatter(x, y, s=sizes, color=MODELS[who])
        axes.set_xlabel("predicted")
        axes.set_ylabel("observed")
        axes.legend(frameon=False)

    return _svg("calibration", "Calibration: predicted against observed click rate", 3.6, draw)


def draw_differences(differences: Mapping[str, Any]) -> str:
    """Return how the gain of single page views is spread; "" when edges and counts do not fit."""
    edges, counts = (list(differences.get(name) or []) for name in ("edges", "counts"))
    whole = len(edges) == len(counts) + 1 and counts and all(map(_finite, edges + counts))
    if not whole:
        return ""

    def draw(axes: Axes) -> None:
        widths = [b - a for a, b in itertools.pairwise(edges)]
        axes.bar(edges[:-1], counts, widths, align="edge", color=MODELS["challenger"], alpha=0.7)
        axes.axvline(0, color=INK, lw=0.7, ls=":")
        axes.set_xlabel("challenger minus champion, one page view")
        axes.set_ylabel("page views")

    return _svg("differences", "Distribution of the differences a page view", 3.0, draw)


def _svg(salt: str, title: str, height_in: float, draw: Callable[[Axes], None]) -> str:
    """Draw on one pair of axes; the same data give the same text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    written = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": salt}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that Matplotlib's font lacks, the browser has
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    drawn = written.getvalue()
    drawn = drawn[drawn.index("<svg") :].replace(INK, "currentColor")
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'<g id="[^"]*">', "<g>", drawn)  # three pictures would share their names
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)


def _points(bins: Any) -> list[tuple[float, float, float]]:
    names = ("predicted", "observed", "rows")
    found = [tuple(b.get(name) for name in names) for b in bins or () if isinstance(b, Mapping)]
    return [
        (float(p), float(o), float(n if _finite(n) else 0))
        for p, o, n in found
        if _finite(p) and _finite(o)
    ]


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _label(name: str) -> str:
    name = plain(name)
    return name if len(name) <= LABEL_LENGTH else name[: LABEL_LENGTH - 1] + "…"
