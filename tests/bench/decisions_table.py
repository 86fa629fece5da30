"""The benchmark's figures as a table that can be read in a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from decisions_paths import CTR_HORIZON, DRIFT_HORIZON, DROPS, HEALTHY, PHIS, SHIFTS, Size, drop_key
from decisions_report import OURS, TOTAL, Results, lorden, rows_rates
from decisions_scores import Delay, FalseAlarms

WIDTH = 27


def table(results: Results, size: Size) -> str:
    """Return all tables."""
    parts = [
        _healthy(results, size),
        *(_drops(results, phi) for phi in PHIS),
        _shifts(results),
        *(_rows(results, method) for method in results.rows),
    ]
    return "\n\n".join(parts)


def _methods(names: Iterable[str]) -> list[str]:
    """Ours first."""
    ours = (TOTAL, *OURS)
    names = dict.fromkeys(names)
    return [n for n in ours if n in names] + [n for n in names if n not in ours]


def _lines(title: str, head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    lines = [title, " " * WIDTH + "".join(f"{cell:>25}" for cell in head)]
    lines += [f"{name:<{WIDTH}}" + "".join(f"{cell:>25}" for cell in cells) for name, cells in rows]
    return "\n".join(lines)


def _healthy(results: Results, size: Size) -> str:
    title = (
        f"False alarms a year without any change ({size.years} years each, 95 % Poisson interval; "
        "a method is silent for 24 h after an alarm, so 350 is the most there can be)"
    )
    head = [f"{key}/h" if key.isdigit() else key for key in HEALTHY]
    rows = (
        (method, [_rate(results.healthy[method].get(key)) for key in HEALTHY])
        for method in _methods(results.healthy)
    )
    return _lines(title, head, rows)


def _rate(rate: FalseAlarms | None) -> str:
    if rate is None:
        return "not run"
    low, high = rate.interval
    return f"{rate.a_year:.1f} ({low:.1f} to {high:.1f})"


def _drops(results: Results, phi: float) -> str:
    title = (
        f"Median hours to find a drop of CTR, 2,000 impressions an hour, 4 % CTR, dispersion "
        f"{phi:.0f} (x Lorden; found within {CTR_HORIZON // 24} days; paths with an alarm before)"
    )
    limits = [lorden(drop, phi, a_year=results.a_year) for drop in DROPS]
    rows = [("Lorden's bound", [f"{limit:.1f}" for limit in limits])]
    for method in _methods(results.delays):
        of = [results.delays[method].get(drop_key(drop, phi)) for drop in DROPS]
        if any(of):
            cells = [_delay(one, limit) for one, limit in zip(of, limits, strict=True)]
            rows.append((method, cells))
    return _lines(title, [f"{drop:.0%}" for drop in DROPS], rows)


def _delay(found: Delay | None, limit: float | None = None) -> str:
    if found is None:
        return "not run"
    before = f", {found.discarded} bef." if found.discarded else ""
    if math.isnan(found.median):
        return f"{found.discarded} of {found.discarded + len(found.hours)} alarm before"
    if math.isinf(found.median):
        return f"never ({found.found:.0%}{before})"
    ratio = f" x{found.median / limit:.1f}" if limit else ""
    return f"{found.median:.0f}{ratio} ({found.found:.0%}{before})"


def _shifts(results: Results) -> str:
    title = (
        "Median hours to find a changed feature, 2,000 impressions an hour (found within "
        f"{DRIFT_HORIZON // 24} days); the unimportant one must not be found"
    )
    rows = (
        (method, [_delay(of.get(name)) for name in SHIFTS])
        for method, of in ((m, results.delays[m]) for m in _methods(results.delays))
        if any(name in of for name in SHIFTS)
    )
    return _lines(title, list(SHIFTS), rows)


def _rows(results: Results, method: str) -> str:
    of = results.rows[method]
    lines = [f"{method}, drift of 30 columns read row by row: no change (100,000/h not run)"]
    for name, rate in rows_rates(of).items():
        low, high = rate["false_alarms_interval"]
        lines.append(
            f"  {name:<34}{rate['judgements_that_alarm']:>5} of {rate['judgements']} judgements, "
            f"{rate['false_alarms_per_year']:.0f} a year ({low:.0f} to {high:.0f})"
        )
    for name, windows in of["columns"].items():
        if not name.startswith("healthy"):
            counts = "; ".join(f"{w}: {_few(found)}" for w, found in windows.items())
            lines.append(f"  {name}, columns drifted by judgement: {counts}")
    return "\n".join(lines)


def _few(counts: Sequence[int | None]) -> str:
    last = ", ".join("refused" if count is None else str(count) for count in counts[-4:])
    return f"… {last}" if len(counts) > 4 else last
