"""What was measured by method, and its form in `bench/report.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from decisions_paths import CTR_HORIZON, DROPS, HEALTHY, PHIS, SHIFTS, drop_key
from decisions_scores import HOURS_A_YEAR, Alarms, Delay, FalseAlarms, bound, delay, spaced
from streams import Traffic

OURS = ("ours, CTR", "ours, drift")
TOTAL = "ours, both"
CTR_COUNTED = "2000"
"""The traffic that the headline figures are of."""


class Results:
    """Collects every method's scores.

    Parameters:
        a_year: the promised false alarms a year; Lorden's bound is at this rate.
    """

    def __init__(self, *, a_year: float) -> None:
        self.a_year = a_year
        self.healthy: dict[str, dict[str, FalseAlarms]] = {}
        self.delays: dict[str, dict[str, Delay]] = {}
        self.rows: dict[str, dict[str, Any]] = {}

    def add_healthy(self, method: str, key: str, alarms: Alarms) -> None:
        """Add years without a change, a list of alarms for each."""
        counts = [FalseAlarms(count=len(spaced(a)), years=1.0) for a in alarms]
        of = self.healthy.setdefault(method, {})
        of[key] = sum_of([*counts, of[key]] if key in of else counts)
        if method in OURS and all(key in self.healthy.get(one, {}) for one in OURS):
            both = [self.healthy[one][key] for one in OURS]
            total = FalseAlarms(count=both[0].count + both[1].count, years=both[1].years)
            self.healthy.setdefault(TOTAL, {})[key] = total

    def add_drops(self, method: str, key: str, alarms: Alarms, at: Sequence[int]) -> None:
        """Add paths with a drop of CTR."""
        self.add_delay(method, key, delay(alarms, at, horizon=CTR_HORIZON))

    def add_delay(self, method: str, key: str, new: Delay) -> None:
        """Add paths with any change."""
        of = self.delays.setdefault(method, {})
        known = of.get(key, Delay(discarded=0, hours=()))
        of[key] = Delay(discarded=known.discarded + new.discarded, hours=known.hours + new.hours)

    def add_rows(self, method: str, answers: Mapping[str, Any], steps: Mapping[str, int]) -> None:
        """Add how many columns a peer that reads rows found drifted.

        Parameters:
            answers: name of the rows to window to columns drifted at each judgement; None where
                the peer refused to judge.
            steps: window to the hours between two judgements.
        """
        self.rows[method] = {"columns": dict(answers), "steps": dict(steps)}


def sum_of(parts: Sequence[FalseAlarms]) -> FalseAlarms:
    """Return counts and years together."""
    return FalseAlarms(count=sum(p.count for p in parts), years=sum(p.years for p in parts))


def lorden(drop: float, phi: float, *, a_year: float) -> float:
    """Return Lorden's bound of the paths with this drop, in hours."""
    return bound(Traffic(phi=phi), drop, a_year=a_year)


def plain(value: float, digits: int = 3) -> float | None:
    """Return a number for JSON; None where it is infinite or unknown."""
    return round(value, digits) if math.isfinite(value) else None


def rate_json(rate: FalseAlarms) -> dict[str, Any]:
    """Return a rate and what it rests on."""
    return {
        "false_alarms_per_year": plain(rate.a_year),
        "false_alarms_interval": [plain(edge) for edge in rate.interval],
        "count": rate.count,
        "years": plain(rate.years, 4),
    }


def delays_json(delays: Mapping[str, Delay], *, a_year: float) -> dict[str, Any]:
    """Return delays by drop and dispersion, and of changed features."""
    body: dict[str, Any] = {}
    for phi in PHIS:
        for drop in DROPS:
            if found := delays.get(drop_key(drop, phi)):
                limit = lorden(drop, phi, a_year=a_year)
                body.setdefault(f"phi_{phi:.0f}", {})[f"{drop:.0%}"[:-1]] = {
                    **delay_json(found),
                    "lorden_hours": plain(limit),
                    "x_lorden": plain(found.median / limit),
                }
    return body | {
        name.replace(" ", "_"): delay_json(delays[name]) for name in SHIFTS if name in delays
    }


def delay_json(found: Delay) -> dict[str, Any]:
    """Return one delay and what it rests on."""
    return {
        "median_hours": plain(found.median),
        "found_share": plain(found.found),
        "paths": len(found.hours) + found.discarded,
        "discarded": found.discarded,
    }


def headline(rates: Mapping[str, FalseAlarms], delays: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method's few figures, at 2,000 an hour: rate, delays of 25 % and of 10 %."""
    body = rate_json(rates[CTR_COUNTED]) if CTR_COUNTED in rates else {}
    for phi, suffix in ((3, ""), (1, "_phi_1")):
        by_drop = delays.get(f"phi_{phi}", {})
        for drop in ("25", "10"):
            if drop in by_drop:
                body[f"delay_hours_{drop}{suffix}"] = by_drop[drop]["median_hours"]
                body[f"delay_x_lorden_{drop}{suffix}"] = by_drop[drop]["x_lorden"]
    return body


def method_json(method: str, results: Results) -> dict[str, Any]:
    """Return everything measured of one method that sees streams."""
    rates = results.healthy.get(method, {})
    delays = delays_json(results.delays.get(method, {}), a_year=results.a_year)
    by_traffic = {key: rate_json(rates[key]) for key in HEALTHY if key in rates}
    return {**headline(rates, delays), "by_impressions": by_traffic, "delays": delays}


def rows_rates(of: Mapping[str, Any], columns: int = 30) -> dict[str, dict[str, Any]]:
    """Return false alarms of a peer that reads rows, by rows, window and rule."""
    body: dict[str, dict[str, Any]] = {}
    for name, windows in of["columns"].items():
        if not name.startswith("healthy"):
            continue
        for window, counts in windows.items():
            step = of["steps"][window]
            for rule, needed in (("any column", 1), ("half the columns", columns / 2)):
                over = [i * step for i, count in enumerate(counts) if count >= needed]
                years = len(counts) * step / HOURS_A_YEAR
                rate = FalseAlarms(count=len(spaced(over)), years=years)
                body[f"{name.split()[1]}, {window}, {rule}"] = {
                    **rate_json(rate),
                    "judgements": len(counts),
                    "judgements_that_alarm": len(over),
                }
    return body


def to_json(results: Results, *, simulated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report's `decisions`."""
    ctr, drift = (method_json(method, results) for method in OURS)
    delays = ctr["delays"] | drift["delays"]
    rates = results.healthy.get(TOTAL, {})
    by_traffic = {
        key: {**rate_json(rates[key]), **_split(key, ctr, drift)} for key in HEALTHY if key in rates
    }
    ours = {**headline(rates, delays), "by_impressions": by_traffic, "delays": delays}
    others = dict.fromkeys([*results.healthy, *results.delays])
    peers = {m: method_json(m, results) for m in others if m not in (*OURS, TOTAL)}
    for method, of in results.rows.items():
        changes = {n: v for n, v in of["columns"].items() if not n.startswith("healthy")}
        peers[f"{method}, drift"] = {"by_rows": rows_rates(of), "columns_drifted": changes}
    return {**simulated, **ours, "peers": peers}


def _split(key: str, *sensors: Mapping[str, Any]) -> dict[str, int]:
    names = ("ctr_count", "drift_count")
    counts = (sensor["by_impressions"][key]["count"] for sensor in sensors)
    return dict(zip(names, counts, strict=True))


def write_report(path: Path, body: Mapping[str, Any]) -> None:
    """Put it under `decisions`, and leave the file's other parts."""
    report = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**report, "decisions": body}, indent=1) + "\n")
