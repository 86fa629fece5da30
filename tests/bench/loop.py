"""`make bench-loop`: a champion left alone against one refreshed daily, over half a year.

Three worlds play the same log. *stale* keeps the champion trained on the log's first 62 days;
*daily* publishes a new model every night; *triggered* is stale until the monitor asks, then
retrains once through the gate. To save time *daily* does so only in the weeks that are compared:
every fourth one, the last before mid-May, and the two after the trigger (`--every-week` for all);
what it publishes rests on orders alone, so the weeks between change nothing. Numbers go to
`bench/report.json` under `loop`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from evergreen.adapters.installation import open_lake, open_ledger, open_published, spec_of
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import PROJECT, settings
from evergreen.demo import history
from evergreen.domain.windows import HOUR, Window, hour_key, parse_hour
from evergreen.orchestration.in_process import replay_monitor, retrain
from evergreen.storefront.log_store import import_log, load_orders
from evergreen.storefront.play import play
from evergreen.trainer.dataset import build_dataset
from evergreen.trainer.fit import train
from evergreen.trainer.freeze import freeze_window
from evergreen.trainer.publish import publish

MODEL = "also_bought"
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
TRAINED_DAYS, STALE_DAYS = 62, 104  # on UCI's log: 1 February and 16 May 2011
REPORT = PROJECT / "bench" / "report.json"


def _whatever_its_age(spec: ModelSpec) -> ModelSpec:
    """Return the spec without `max_model_age`: what is compared here is what the sensors find."""
    trigger = spec.monitor.trigger.model_copy(update={"max_model_age": timedelta(days=3_650)})
    monitor = spec.monitor.model_copy(update={"trigger": trigger})
    return spec.model_copy(update={"monitor": monitor})


class World:
    """One installation of its own below the benchmark's home."""

    def __init__(self, name: str, home: Path, data: Path | None) -> None:
        self.name, self.home, self.data = name, home / name, data
        self.enter()
        import_log(data, home=self.home)
        self.orders = load_orders(self.home)
        self.spec = _whatever_its_age(spec_of(MODEL))

    def enter(self) -> World:
        """Make this world the process's installation."""
        os.environ["EVERGREEN_HOME"] = str(self.home)
        settings.cache_clear()
        return self

    def play(self, start: datetime, end: datetime) -> None:
        """Land these hours with what is published now."""
        play(
            self.enter().orders,
            Window(start, end),
            lake=open_lake(self.spec),
            published=open_published(self.spec),
            features=self.spec.features.names,
        )

    def ctr(self, start: datetime, end: datetime) -> float:
        """Return clicks / impressions of these hours."""
        return history.ctr(open_lake(self.enter().spec), Window(start, end))

    def refresh(self, until: datetime, version: int) -> None:
        """Train on everything until now and publish it, whatever the gate would say."""
        lake, ledger = open_lake(self.enter().spec), open_ledger()
        full = self.spec.train.model_copy(update={"variants": ("full_28d",)})
        spec = self.spec.model_copy(update={"train": full})
        frozen = freeze_window(
            spec, lake=lake, ledger=ledger, settings=settings(), until=until, reason="daily"
        )
        build_dataset(frozen["run_dir"], settings())
        train(frozen["run_dir"], "full_28d")
        published = open_published(self.spec)
        publish(frozen["run_dir"], version=version, fence=version, published=published)
        shutil.rmtree(frozen["run_dir"])


def compare_week(stale: World, daily: World, start: datetime) -> dict[str, Any]:
    """Return CTR of both worlds and the stale one's fallback share in the week from `start`."""
    days = history.daily(open_lake(stale.enter().spec), Window(start, start + WEEK)).sum()
    clicks, fallback, shown = (days[name][0] for name in ("clicks", "fallback", "impressions"))
    fresh = daily.ctr(start, start + WEEK)
    row = {
        "week": start.date().isoformat(),
        "ctr_stale": round(clicks / shown, 4),
        "ctr_daily": round(fresh, 4),
        "stale_to_daily": round(clicks / shown / fresh, 3),
        "fallback_stale": round(fallback / shown, 4),
    }
    print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row


def refresh_daily(daily: World, trained: datetime, end: datetime, days: set[datetime]) -> float:
    """Play the daily world, with a new model on each of these days; return seconds of training."""
    day, version, seconds = trained, 1, 0.0
    while day < end:
        if day in days:
            began = time.monotonic()
            daily.refresh(day, version)
            seconds += time.monotonic() - began
            version += 1
            print(f"{version - 1} of {len(days)}: refreshed on {day.date()}", flush=True)
        daily.play(day, day + DAY)
        day += DAY
    return seconds


def first_request(world: World, start: datetime, end: datetime) -> dict[str, Any] | None:
    """Return the first decision that would ask for a retraining."""
    lake = open_lake(world.enter().spec)
    for hour in lake.closed_hours("impressions", Window(start, end)):
        if lake.require_closed("impressions", hour).rows:
            for decision in replay_monitor(world.spec, Window.of_hour(hour)):
                if decision["would"] == "request_retrain":
                    return decision
    return None


def main() -> None:
    """Play the three worlds and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a sales log; default: the built-in shop")
    parser.add_argument("--every-week", action="store_true", help="compare every week")
    parser.add_argument("--home", type=Path, default=PROJECT / ".evergreen" / "bench-loop")
    options = parser.parse_args()
    began = time.monotonic()
    shutil.rmtree(options.home, ignore_errors=True)
    stale, daily, triggered = (
        World(name, options.home, options.data) for name in ("stale", "daily", "triggered")
    )
    first = stale.orders["order_time"].min().replace(hour=0, minute=0, second=0)
    trained = first + TRAINED_DAYS * DAY
    end = trained + STALE_DAYS * DAY + 2 * WEEK
    for world in (stale, daily, triggered):
        world.play(first, trained)
    for world in (stale, triggered):
        verdict = retrain(world.enter().spec, until=trained, reason="first champion")
    print(f"first champion: {verdict['verdict']}", flush=True)
    stale.play(trained, end)

    asked = first_request(stale, trained, end)
    print(f"the monitor asks at {asked['hour'] if asked else 'never'}", flush=True)
    weeks = [trained + i * WEEK for i in range(STALE_DAYS // 7 + 2)]
    last = trained + (STALE_DAYS - 7) * DAY
    chosen = weeks if options.every_week else [*weeks[::4], last]
    days = {start + i * DAY for start in chosen for i in range(7)}
    moment = _moment_after(asked)
    if moment is not None:
        days |= {moment.replace(hour=0) + i * DAY for i in range(15)}
    training_s = refresh_daily(daily, trained, end, days)
    report = {
        "data_source": options.data.name if options.data else "the built-in shop",
        "trained_until": trained.isoformat(),
        "weeks": [compare_week(stale, daily, start) for start in sorted(chosen)],
        "daily_retrains": len(days),
        "daily_training_s": round(training_s, 1),
        **_after_trigger(triggered, daily, asked, trained),
        "seconds": round(time.monotonic() - began, 1),
    }
    before = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({**before, "loop": report}, indent=1) + "\n")
    print(json.dumps({name: value for name, value in report.items() if name != "weeks"}, indent=1))


def _moment_after(asked: dict[str, Any] | None) -> datetime | None:
    return parse_hour(asked["hour"]) + HOUR if asked else None


def _after_trigger(
    triggered: World, daily: World, asked: dict[str, Any] | None, trained: datetime
) -> dict[str, Any]:
    moment = _moment_after(asked)
    if asked is None or moment is None:
        return {"trigger_hour": None}
    triggered.play(trained, moment)
    verdict = retrain(triggered.enter().spec, until=moment, reason="; ".join(asked["reasons"]))
    triggered.play(moment, moment + 2 * WEEK)
    after = triggered.ctr(moment, moment + 2 * WEEK)
    fresh = daily.ctr(moment, moment + 2 * WEEK)
    return {
        "trigger_hour": hour_key(moment - HOUR),
        "trigger_reasons": asked["reasons"],
        "trigger_ctr": asked["evidence"]["ctr"]["ctr"]["value"],
        "trigger_expected": asked["evidence"]["ctr"]["expected"],
        "verdict": verdict["verdict"],
        "reasons": verdict["reasons"],
        "ctr_after": round(after, 4),
        "ctr_daily_after": round(fresh, 4),
        "after_to_daily": round(after / fresh, 3),
    }


if __name__ == "__main__":
    sys.exit(main())
