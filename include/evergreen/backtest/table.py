"""A backtest's table and its curve, for a terminal and for documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEADS = (
    "policy",
    "CTR",
    "of daily",
    "retrainings",
    "deployed",
    "held",
    "alarms",
    "false",
    "hours to deployment",
    "training, min",
    "min per 1,000 clicks won",
)


def rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return one row of texts a policy, in the order of `HEADS`; `-` where nothing can be said."""
    return [
        (
            name,
            _share(said["ctr"]),
            _share(said["ctr_share_of_daily"], 1),
            str(said["retrains"]),
            str(said["promotions"]),
            str(said["holds"]),
            _count(said["alarms"]),
            _count(said["false_alarms"]),
            _count(said["hours_to_deployment"]),
            f"{said['training_s'] / 60:.1f}",
            _number(said["training_minutes_per_1000_clicks_won"]),
        )
        for name, said in report["policies"].items()
    ]


def columns(report: Mapping[str, Any]) -> list[int]:
    """Return which columns of `HEADS` say anything about any policy."""
    said = rows(report)
    return [at for at in range(len(HEADS)) if at == 0 or any(row[at] != "-" for row in said)]


def curve(report: Mapping[str, Any]) -> list[tuple[int, float, str]]:
    """Return retrainings, CTR and name of every policy, fewest retrainings first."""
    found = [
        (int(said["retrains"]), float(said["ctr"]), name)
        for name, said in report["policies"].items()
        if said["ctr"] is not None
    ]
    return sorted(found, key=lambda one: (one[0], one[1]))


def at_retrains(report: Mapping[str, Any], retrains: int) -> tuple[float, str] | None:
    """Return the best CTR that fixed schedules have with this many retrainings or fewer.

    Between two schedules nothing is read off: one with fewer counts as it is.
    """
    fixed = [
        (ctr, name)
        for count, ctr, name in curve(report)
        if count <= retrains and report["policies"][name]["alarms"] is None
    ]
    return max(fixed, default=None)


def markdown(report: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""
    kept = columns(report)
    lines = [
        "| " + " | ".join(HEADS[at] for at in kept) + " |",
        "| --- |" + " ---: |" * (len(kept) - 1),
    ]
    lines += ["| " + " | ".join(row[at] for at in kept) + " |" for row in rows(report)]
    return "\n".join(lines)


def _share(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}%}"


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
