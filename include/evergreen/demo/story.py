"""The demo in order: a champion goes stale, the scheduler notices, a better one takes over."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from evergreen.adapters.installation import open_lake, open_ledger, open_published, spec_of
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import settings
from evergreen.demo import history
from evergreen.demo.chart import draw
from evergreen.demo.plan import DemoPlan, make_plan
from evergreen.demo.report import DemoReport
from evergreen.domain.errors import DemoStopped
from evergreen.domain.windows import HOUR, Window, hour_key
from evergreen.orchestration.in_process import retrain
from evergreen.orchestration.local_airflow import LocalAirflow
from evergreen.storefront.log_store import import_log, load_orders
from evergreen.storefront.play import play

MODEL = "also_bought"
MONITOR, RETRAIN = f"{MODEL}__monitor_hourly", f"{MODEL}__retrain"
LOOP_TIMEOUT_S = 300
BACKFILL_TIMEOUT_S = 900
BACKFILL_ACTIVE_RUNS = 6
SAY_EVERY = 20

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The storefront over one log and one plan."""

    spec: ModelSpec
    orders: pl.DataFrame
    plan: DemoPlan
    source: str
    say: Say

    def open(self, window: Window) -> None:
        """Play these hours with whatever is published."""
        done = play(
            self.orders,
            window,
            lake=open_lake(self.spec),
            published=open_published(self.spec),
            shift=self.plan.shift,
            features=self.spec.features.names,
        )
        ctr = f"{done.ctr:.2%}" if done.ctr is not None else "none"
        self.say(f"{done.hours:,} hours, {done.impressions:,} impressions, CTR {ctr}")


def prepare(data: Path | None, say: Say) -> Shop:
    """Import the log, play it up to the live hour, with a champion trained early and left alone."""
    started = import_log(data, home=settings().home)
    say(f"{started.lines_kept:,} of {started.lines_read:,} lines kept, {started.orders:,} orders")
    orders = load_orders(settings().home)
    plan = make_plan(orders, datetime.now(UTC))
    source = Path(data).name if data else "the built-in shop"
    shop = Shop(spec=spec_of(MODEL), orders=orders, plan=plan, source=source, say=say)
    say(f"the log is moved by {plan.shift.days // 7} weeks, so that it ends in the past week")
    say(f"the shop opens, without recommendations, until {hour_key(plan.trained)}")
    shop.open(Window(plan.start, plan.trained))
    say("training the first champion")
    first = retrain(shop.spec, until=plan.trained, reason="first champion", say=say)
    if not first["released"]:
        raise DemoStopped(f"no first champion: {'; '.join(first['reasons'])}")
    return shop


def run_live(shop: Shop, airflow: LocalAirflow, backfill_hours: int, out: Path) -> DemoReport:
    """Let the scheduler find the stale champion and replace it; measure what that brought."""
    began = time.monotonic()
    plan, say, api = shop.plan, shop.say, airflow.api
    api.wait_for_dags([MONITOR, RETRAIN])
    ledger, published = open_ledger(), open_published(shop.spec)
    before = ledger.champion(MODEL)
    for dag_id in (RETRAIN, MONITOR):
        api.set_paused(dag_id, paused=False)
    monitor_run = api.wait_new_run(MONITOR, timeout_s=LOOP_TIMEOUT_S)
    say(f"the scheduler waits for hour {hour_key(plan.live)}; landing it")
    shop.open(Window.of_hour(plan.live))
    landed = open_lake(shop.spec).require_closed("impressions", plan.live).closed_at
    api.wait_run(MONITOR, monitor_run, LOOP_TIMEOUT_S)
    decision = ledger.decision(MODEL, plan.live)
    if decision is None or decision.action != "request_retrain":
        said = decision.body["reasons"] if decision else "nothing was decided"
        raise DemoStopped(f"the monitor asked for no retraining: {said}")
    say(f"the monitor asks for a retraining: {'; '.join(decision.body['reasons'])}")
    retrain_run = api.wait_new_run(RETRAIN, timeout_s=LOOP_TIMEOUT_S)
    api.wait_run(RETRAIN, retrain_run, LOOP_TIMEOUT_S)
    verdict = api.xcom(RETRAIN, retrain_run, "gate")
    say(f"{verdict['verdict']}: {'; '.join(verdict['reasons'])}")
    current, after = published.current(), ledger.champion(MODEL)
    if current is None or after is None or before is None:
        raise DemoStopped("nothing is published; `evergreen release history` says why")
    landing_s = (current.published_at - landed).total_seconds()
    replayed = _two_more_weeks(shop, airflow, backfill_hours)
    lake = open_lake(shop.spec)
    say("drawing")
    old = history.daily(lake, Window(plan.trained, plan.live + HOUR))
    draw(old, history.daily(lake, plan.after), plan, out, source=shop.source)
    return DemoReport(
        data_source=shop.source,
        ctr_fresh=round(history.ctr(lake, plan.fresh), 6),
        ctr_stale=round(history.ctr(lake, plan.stale), 6),
        ctr_after=round(history.ctr(lake, plan.after), 6),
        landing_to_published_s=round(landing_s, 1),
        verdict=verdict["verdict"],
        reasons=verdict["reasons"],
        champion_before=before.version,
        champion_after=after.version,
        trigger_hour=hour_key(plan.live),
        trigger_reasons=decision.body["reasons"],
        backfill=replayed,
        seconds=round(time.monotonic() - began, 1),
    )


def _two_more_weeks(shop: Shop, airflow: LocalAirflow, hours: int) -> dict[str, int]:
    """Play on with the new champion, and let Airflow backfill the monitor over it.

    The backfill begins with the hour after the one that the scheduler waits for by itself, so that
    the two never want the same hour.
    """
    api, plan, ledger = airflow.api, shop.plan, open_ledger()
    api.set_paused(MONITOR, paused=True)
    shop.say("two more weeks with the new champion")
    shop.open(plan.after)
    if not hours:
        return {}
    window = Window.last(timedelta(hours=hours), until=plan.live + (hours + 2) * HOUR)
    known = (len(ledger.deliveries(MODEL)), len(ledger.runs(MODEL)))
    shop.say(f"backfilling the monitor over {hours} hours")
    backfill = api.create_backfill(
        MONITOR, window.start, window.end - HOUR, max_active_runs=BACKFILL_ACTIVE_RUNS
    )
    api.set_paused(MONITOR, paused=False)
    runs = api.wait_backfill(backfill, BACKFILL_TIMEOUT_S, say=_every(SAY_EVERY, shop.say))
    measured: dict[str, Any] = {
        sensor: len(ledger.measurements(MODEL, window, sensor)) for sensor in ("ctr", "drift")
    }
    gained = (len(ledger.deliveries(MODEL)), len(ledger.runs(MODEL)))
    api.set_paused(MONITOR, paused=True)
    return {
        "hours": len(runs),
        "CTR measurements": measured["ctr"],
        "drift measurements": measured["drift"],
        "alerts": gained[0] - known[0],
        "retrainings": gained[1] - known[1],
    }


def _every(count: int, say: Say) -> Say:
    """Return a `say` that lets only every so many calls through."""
    calls = itertools.count(1)
    return lambda text: say(text) if next(calls) % count == 0 else None
