"""`make bench-backtest`: five policies over half a year of sales, then the curve of all schedules.

First the five that people ask for, from nothing kept, timed, with the memory of all processes. Then
more schedules, which share their retrainings with `daily`: at an equal number of retrainings, is
`triggered` no worse than the best of them? Numbers go to `bench/report.json` under `backtest`, the
picture to `docs/images/backtest.png`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from evergreen.adapters.installation import open_lake, spec_of
from evergreen.backtest.cache import Cache
from evergreen.backtest.history import History
from evergreen.backtest.picture import draw
from evergreen.backtest.policies import parse_policies
from evergreen.backtest.report import report_of
from evergreen.backtest.run import Plan, earliest
from evergreen.backtest.source import source_of
from evergreen.backtest.table import at_retrains, curve, markdown
from evergreen.config.settings import PROJECT, settings
from evergreen.domain.windows import Window

MODEL = "also_bought"
FIVE = "frozen,every_28d,every_7d,daily,triggered"
MORE = "every_56d,every_42d,every_21d,every_14d,every_10d,every_5d,every_3d,every_2d"
REPORT = PROJECT / "bench" / "report.json"
PICTURE = PROJECT / "docs" / "images" / "backtest.png"
KEYS = (
    "ctr",
    "ctr_share_of_daily",
    "fallback_share",
    "retrains",
    "promotions",
    "holds",
    "rollbacks",
    "alarms",
    "training_s",
    "training_minutes_per_1000_clicks_won",
)


class Memory:
    """The most that this process and its children ever held together, in bytes."""

    def __init__(self) -> None:
        self.most, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        own = psutil.Process()
        while not self._stop.wait(0.5):
            total = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
            self.most = max(self.most, total)


def main() -> None:
    """Run both and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a sales log; default: the built-in shop")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", action="store_true", help="use what earlier runs kept")
    parser.add_argument("--home", type=Path, default=PROJECT / ".evergreen" / "bench-backtest")
    options = parser.parse_args()
    spec = spec_of(MODEL)
    source = source_of(
        spec,
        data=options.data,
        builtin=options.data is None,
        home=options.home,
        lake=open_lake(spec),
    )
    history, cache = History.of(source.orders), Cache(options.home / "cache")
    if not options.keep:
        cache.clear()
    plan = Plan(
        history=history,
        spec=spec,
        policies=parse_policies(FIVE),
        window=Window(earliest(history, spec), history.window.end),
        cache=cache,
        models_dir=settings().models_dir,
        jobs=options.jobs,
    )
    began, cpu = time.monotonic(), _children_cpu_s()
    with Memory() as memory:
        five = report_of(plan, source, change=source.change, settings_changed=[])
    spent = time.monotonic() - began
    draw(five, PICTURE)
    print(markdown(five), flush=True)
    wide = plan.with_policies(parse_policies(f"{FIVE},{MORE}"))
    whole = report_of(wide, source, change=source.change, settings_changed=[])
    for retrains, ctr, name in curve(whole):
        print(f"{retrains:>4} retrainings  {ctr:.2%}  {name}")
    report = {
        "data": source.name,
        "window": f"{five['from']} to {five['to']}",
        "seconds": round(spent, 1),
        "cpu_s_of_the_processes": round(_children_cpu_s() - cpu, 1),
        "peak_memory_mb": round(memory.most / 1e6),
        "jobs": options.jobs,
        "policies": {
            name: {key: said[key] for key in KEYS} for name, said in whole["policies"].items()
        },
        **_acceptance(whole),
    }
    before = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({**before, "backtest": report}, indent=1) + "\n")
    print(json.dumps({k: v for k, v in report.items() if k != "policies"}, indent=1))


def _acceptance(report: dict[str, Any]) -> dict[str, Any]:
    """Return what is asked of `triggered`: of daily's CTR, of its retrainings, and the curve."""
    ours, daily = report["policies"]["triggered"], report["policies"]["daily"]
    best = at_retrains(report, ours["retrains"])
    return {
        "share_of_daily_ctr": ours["ctr_share_of_daily"],
        "share_of_daily_retrains": round(ours["retrains"] / daily["retrains"], 4),
        "best_schedule_with_no_more_retrainings": {"ctr": best[0], "policy": best[1]}
        if best
        else None,
    }


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
