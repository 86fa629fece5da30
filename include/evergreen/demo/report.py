"""What the demo found: a table for people, `report.json` for machines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """The measured outcome of one demo.

    Parameters:
        ctr_fresh, ctr_stale, ctr_after: clicks / impressions of the first champion's first two
            weeks, of the week before the retraining, and of the two weeks after it.
        landing_to_published_s: from `_SUCCESS` of the live hour to the flipped `CURRENT`.
        backfill: hours, and what the ledger gained by replaying them.
    """

    data_source: str
    ctr_fresh: float
    ctr_stale: float
    ctr_after: float
    landing_to_published_s: float
    verdict: str
    reasons: list[str]
    champion_before: int
    champion_after: int
    trigger_hour: str
    trigger_reasons: list[str]
    backfill: dict[str, int]
    seconds: float

    def write(self, path: Path) -> Path:
        """Write `report.json` and return its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")
        return path

    def show(self, console: Console) -> None:
        """Print the table."""
        table = Table(title="also_bought went stale and was replaced", title_justify="left")
        table.add_column("")
        table.add_column("measured", overflow="fold")
        lost, won = self.ctr_stale / self.ctr_fresh - 1, self.ctr_after / self.ctr_stale - 1
        table.add_row("CTR, champion fresh", f"{self.ctr_fresh:.2%}")
        table.add_row("CTR, champion stale", f"{self.ctr_stale:.2%} ({lost:+.0%})")
        table.add_row("CTR, after", f"{self.ctr_after:.2%} ({won:+.0%})")
        table.add_row("the monitor asked at", self.trigger_hour)
        table.add_row("because", "\n".join(self.trigger_reasons))
        table.add_row("landing to published", f"{self.landing_to_published_s:.0f} s")
        table.add_row("verdict", f"{self.verdict}: {'; '.join(self.reasons)}")
        table.add_row("champion", f"version {self.champion_before} → {self.champion_after}")
        backfill = ", ".join(f"{count} {name}" for name, count in self.backfill.items())
        table.add_row("backfill of the monitor", backfill)
        console.print(table)
