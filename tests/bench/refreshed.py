"""`make bench-refreshed`: how often the sensors alarm about a champion that is refreshed every day.

Nothing is wrong with such a champion, so nothing should be found, in a real shop whose trade moves.
Each night a model is trained on everything until then and published whatever a gate would say; the
next day is served with it, sketched against its own profile, and judged hour by hour. Alarms are
counted before the trigger policy, whose cooldown would hide them. Goes to `bench/report.json`
under `refreshed`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from loop import DAY, MODEL, REPORT, STALE_DAYS, TRAINED_DAYS, WEEK, World

from evergreen.adapters.engine import engine_of
from evergreen.adapters.installation import open_lake, open_ledger, open_published, spec_of
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import PROJECT, settings
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.verdict import Verdict
from evergreen.domain.windows import Window
from evergreen.monitor.series import judge_ctr_hours, judge_drift_hours
from evergreen.trainer import dataset, fit
from evergreen.trainer.evaluate import expected_of
from evergreen.trainer.freeze import freeze_window
from evergreen.trainer.holdout import Holdout, Offered
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.publish import publish
from evergreen.trainer.scoring import load_booster, rank_candidates


def refresh(world: World, spec: ModelSpec, until: datetime, version: int) -> ReferenceProfile:
    """Train on everything until now, publish it, and return its reference profile."""
    frozen = freeze_window(
        spec,
        lake=open_lake(spec),
        ledger=open_ledger(),
        settings=settings(),
        until=until,
        reason="daily",
    )
    folder = frozen["run_dir"]
    dataset.build_dataset(folder, settings())
    fit.train(folder, "full_28d")
    run = RunDir(folder)
    with tempfile.TemporaryDirectory() as scratch:
        path = run.fetch(fit.step_name("full_28d"), fit.MODEL_FILE, Path(scratch) / fit.MODEL_FILE)
        booster = load_booster(path)
    table = run.table
    earned = Holdout(table(dataset.STEP, "holdout_orders.parquet"), spec.gate.k).outcome(
        Offered(
            recommendations=rank_candidates(
                booster, table(dataset.STEP, "holdout_candidates.parquet")
            ),
            popular=table(dataset.STEP, "holdout_popular.parquet"),
        )
    )
    body = expected_of(run, spec, booster, earned).to_json()
    publish(folder, version=version, fence=version, published=open_published(spec))
    shutil.rmtree(folder)
    return ReferenceProfile.from_json(body, model_version=str(version))


def judge_day(spec: ModelSpec, day: datetime, profile: ReferenceProfile) -> list[dict[str, Any]]:
    """Return the alarms of a day: hour, sensor and reason."""
    window = Window(day, day + DAY)
    sketches = engine_of(spec, open_lake(spec)).sketches(
        window, profile.bins, version=profile.model_version
    )
    drift = judge_drift_hours(spec, window, profile, sketches)
    ctr = judge_ctr_hours(spec, window, profile, sketches, since=day)
    said = [
        ("drift", hour, drift.at(i))
        for i, hour in enumerate(drift.hours)
        if drift.verdicts[i] is Verdict.YES
    ]
    said += [("ctr", h, c) for h, c in zip(window.hours(), ctr, strict=True)]
    return [
        {"hour": hour.isoformat(), "sensor": sensor, "reason": judged.reason}
        for sensor, hour, judged in said
        if judged.verdict is Verdict.YES
    ]


def main() -> None:
    """Refresh every day of the log's weeks and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a sales log; default: the built-in shop")
    parser.add_argument("--page-views", type=int, default=8_000, help="to train on, each night")
    parser.add_argument("--days", type=int, default=STALE_DAYS + 14)
    parser.add_argument("--home", type=Path, default=PROJECT / ".evergreen" / "bench-refreshed")
    options = parser.parse_args()
    began = time.monotonic()
    shutil.rmtree(options.home, ignore_errors=True)
    world = World("refreshed", options.home, options.data)
    spec = spec_of(MODEL)
    asked = {"max_page_views": options.page_views, "variants": ("full_28d",)}
    spec = spec.model_copy(update={"train": spec.train.model_copy(update=asked)})
    first = world.orders["order_time"].min().replace(hour=0, minute=0, second=0)
    start = first + TRAINED_DAYS * DAY
    world.play(start - 5 * WEEK, start)
    alarms: list[dict[str, Any]] = []
    for version in range(1, options.days + 1):
        day = start + (version - 1) * DAY
        profile = refresh(world, spec, day, version)
        world.play(day, day + DAY)
        found = judge_day(spec, day, profile)
        alarms += found
        spent = timedelta(seconds=round(time.monotonic() - began))
        print(f"{version} of {options.days}: {day.date()} {len(found)} alarms, {spent}", flush=True)
        for alarm in found[:2]:
            print(f"  {alarm}", flush=True)
    report = {
        "days": options.days,
        "page_views_a_training": options.page_views,
        "hours_with_an_alarm": len({a["hour"] for a in alarms}),
        "days_with_an_alarm": len({a["hour"][:10] for a in alarms}),
        "alarms": alarms[:20],
        "seconds": round(time.monotonic() - began, 1),
    }
    before = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({**before, "refreshed": report}, indent=1) + "\n")
    print(json.dumps({name: value for name, value in report.items() if name != "alarms"}))


if __name__ == "__main__":
    sys.exit(main())
