"""Models in every state, written through the ledger's own methods: what the sensors would write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.ledger_schema import sketches
from evergreen.domain.baseline import CtrBaseline
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.detector import GRID, Alarm
from evergreen.domain.profile import ColumnProfile, ReferenceProfile
from evergreen.domain.promise import ctr_alarms_per_year
from evergreen.domain.sketch import HourSketch
from evergreen.domain.surprise import Spread
from evergreen.domain.windows import HOUR, hour_key

NEWEST = datetime(2011, 5, 31, 23, tzinfo=UTC)
RATE = 0.10
ROWS = 400
EVIL = "<script>alert(1)</script><!channel>"
"""A column's name that must be shown as it is."""
BY_CHANCE = Spread(scale=1.0, freedom=2.0, blocks=100, design_effect=1.0)


MADE = {
    "coats_homepage": "stale",
    "basket_upsell": "held",
    "search_ranking": "warning",
    "gift_finder": "no_data",
    "new_arrivals": "no_champion",
    "recently_viewed": "probation",
    "daily_deals": "healthy",
    "shoes_homepage": "healthy",
}
"""Model to the state that it is made in."""


def add_model(folder: Path, name: str, **more: Any) -> None:
    """Write a model's folder."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    body = {"model": name, "description": f"What {name} shows.", "owner": "shop-team", **more}
    (folder / name / "model.yaml").write_text(yaml.safe_dump(body))


def profile(columns: Sequence[str] = ("price", EVIL)) -> dict[str, Any]:
    """Return a profile with these numbers, `source` and `score`."""
    numbers: Bins = NumericBins(edges=(1.0, 2.0, 4.0))
    made = {"source": _column(LevelBins(groups=(("model",), ("fallback",))), (9_900, 100, 0, 0), 1)}
    made["score"] = _column(NumericBins(edges=(0.25, 0.75)), (2_000, 5_000, 3_000, 0), 1)
    made |= {name: _column(numbers, (2_500, 2_500, 2_500, 2_500, 0), 0.5) for name in columns}
    return ReferenceProfile(
        model_version="",
        ctr=CtrBaseline(
            rate=RATE,
            shape=(1.0,) * 168,
            dispersion=1.5,
            rate_error=0.01,
            volume=(float(ROWS),) * 168,
            impressions=100_000,
            hours=500,
        ),
        alarm=Alarm(
            drops=GRID,
            weights=(0.2,) * 5,
            allowance=0.0,
            level=9.0,
            false_alarms_per_year=ctr_alarms_per_year(1.0),
        ),
        columns=made,
        reference="made",
    ).to_json()


def release(
    ledger: Ledger,
    model: str,
    version: int = 1,
    *,
    as_of: datetime = NEWEST - timedelta(days=40),
    body: dict[str, Any] | None = None,
) -> None:
    """Make a version champion."""
    champion = ledger.champion(model)
    ledger.release(
        model,
        version,
        expected=champion.version if champion else None,
        kind="promotion",
        run_key=f"{model}{version}".replace("_", ""),
        as_of=as_of,
        reason="better than popularity: ndcg@5 +0.1145, must lie above 0; guardrails kept",
        evidence={"profile": body or profile()},
    )


def measure(
    ledger: Ledger,
    model: str,
    *,
    hours: int = 72,
    version: int = 1,
    newest: datetime = NEWEST,
    ctr: float = RATE,
    drifted: Sequence[str] = (),
    verdict: str = "no",
    sketched: bool = True,
) -> None:
    """Write what the monitor writes about the hours up to the newest one."""
    body = ledger.released_profile(model, str(version)) or profile()
    known = ReferenceProfile.from_json(body, model_version=str(version))
    window = [newest - HOUR * back for back in range(hours - 1, -1, -1)]
    columns = list(known.columns)
    counts = {
        h: ("counted", hour_body(h, version, known.digest, round(ctr * ROWS))) for h in window
    }
    ledger.put_measurements(model, "hour_counts", counts, replay=False)
    said = {h: (verdict, ctr_body(ctr, verdict)) for h in window}
    ledger.put_measurements(model, "ctr", said, replay=False)
    shift = {h: ("yes" if drifted else "no", drift_body(columns, drifted)) for h in window}
    ledger.put_measurements(model, "drift", shift, replay=False)
    if sketched:
        sketch = sketch_body(known, ctr, drifted)
        rows = [
            {"model": model, "hour": h, "profile": known.digest, "generation": 1, "sketch": sketch}
            for h in window
        ]
        insert = ledger._insert(sketches)
        insert = insert.on_conflict_do_update(
            index_elements=["model", "profile", "hour"], set_={"sketch": insert.excluded.sketch}
        )
        with ledger._writing() as connection:  # hundreds of transactions would take seconds
            connection.execute(insert, rows)


def decide(ledger: Ledger, model: str, action: str, *reasons: str, hour: datetime = NEWEST) -> None:
    """Write the decision of an hour."""
    body = {"would": action, "reasons": list(reasons), "hour": hour_key(hour), "evidence": {}}
    ledger.put_decision(model, hour, action=action, body=body, replay=False)


def ctr_body(ctr: float, verdict: str = "no") -> dict[str, Any]:
    """Return what the CTR sensor writes."""
    share = {
        "value": ctr,
        "lower": ctr - 0.01,
        "upper": ctr + 0.01,
        "successes": round(ctr * 2_000),
        "trials": 2_000,
        "clusters": 50,
        "design_effect": 1.5,
    }
    return {
        "verdict": verdict,
        "reason": f"CTR {ctr:.2%}, expected {RATE:.2%}",
        "ctr": share,
        "expected": RATE,
        "bound": 0.085,
        "dispersion": 1.5,
        "evidence": 40.0 if verdict == "yes" else 0.5,
        "level": 9.0,
        "drop": None,
        "since": None,
        "ctr_since": None,
        "expected_since": None,
    }


def drift_body(columns: Sequence[str], drifted: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the drift sensor writes."""
    said = [
        {
            "column": name,
            "view": view,
            "verdict": "yes" if name in drifted else "no",
            **({"kind": "shift"} if name in drifted else {}),
            "reason": f"PSI {0.4 if name in drifted else 0.02} (large from 0.1)",
            "importance": 0.5,
            "rows": 9_600,
            "reference_rows": 10_000,
            "psi": 0.4 if name in drifted else 0.02,
            "min_psi": 0.1,
            "p_value": 1e-9 if name in drifted else 0.4,
        }
        for name in columns
        for view in ("24h", "1h")
    ]
    return {
        "verdict": "yes" if drifted else "no",
        "reason": f"drifted: {', '.join(drifted)}" if drifted else "largest PSI 0.02",
        "importance": 0.5 if drifted else 0.0,
        "min_importance": 0.1,
        "columns": said,
        "fallback": {"verdict": "no", "share": {"value": 0.01}, "bound": 0.1, "reason": ""},
    }


def every_state(models_dir: Path, ledger: Ledger) -> dict[str, str]:
    """Make a model in each state that measurements made just now can be in; return their states.

    Asked again it finds them made.
    """
    if (models_dir / "broken_yaml").exists():
        return {**MADE, "broken_yaml": "error"}
    for name, state in MADE.items():
        add_model(models_dir, name)
        _STATES[state](ledger, name)
    (models_dir / "broken_yaml").mkdir()
    (models_dir / "broken_yaml" / "model.yaml").write_text("model: broken_yaml\nownr: nobody\n")
    return {**MADE, "broken_yaml": "error"}


def _healthy(ledger: Ledger, model: str) -> None:
    release(ledger, model)
    measure(ledger, model)
    decide(ledger, model, "healthy", "ctr: CTR 10.00%, expected 10.00%", "drift: largest PSI 0.02")


def _stale(ledger: Ledger, model: str) -> None:
    release(ledger, model)
    measure(ledger, model, hours=48, newest=NEWEST - 24 * HOUR)
    measure(ledger, model, hours=24, ctr=0.06, verdict="yes", drifted=["price", EVIL])
    decide(ledger, model, "request_retrain", "ctr: CTR 6.00%, expected 10.00% (-40%)")
    ledger.open_incident(model, NEWEST, evidence={})
    ledger.open_run(model, f"run{model}".replace("_", ""), trigger="asset", manifest={})


def _held(ledger: Ledger, model: str) -> None:
    release(ledger, model)
    measure(ledger, model, ctr=0.085)
    run = f"run{model}".replace("_", "")
    reasons = ["not proved better than the champion: ndcg@5 +0.0011, interval -0.0040 to +0.0062"]
    ledger.open_run(model, run, trigger="asset", manifest={"reason": "ctr: CTR 8.50%"})
    ledger.close_run(run, verdict="HOLD", version=2, body={"reasons": reasons, "expected": 1})
    ledger.open_incident(model, NEWEST - 5 * HOUR, evidence={})
    ledger.close_incident(model, outcome="HOLD: kept version 1")
    decide(ledger, model, "warn", "ctr: CTR 8.50%, expected 10.00% (-15%)", "cooldown: quiet until")


def _warning(ledger: Ledger, model: str) -> None:
    release(ledger, model)
    measure(ledger, model, drifted=["price"])
    decide(ledger, model, "warn", "drift: drifted: price", "1 of 2 alarms needed within 3 hours")
    for back in (2, 3):
        ledger.quarantine(
            model, "impressions", NEWEST - back * HOUR, generation=1, reasons=["null_share is 0.4"]
        )


def _no_data(ledger: Ledger, model: str) -> None:
    release(ledger, model)
    measure(ledger, model, hours=3, verdict="not_enough_data")
    decide(ledger, model, "warn", "ctr: not enough data: 300 impressions in the window")


def _no_champion(ledger: Ledger, model: str) -> None:
    """Only its folder is there."""


def _probation(ledger: Ledger, model: str) -> None:
    release(ledger, model)
    measure(ledger, model, hours=60, newest=NEWEST - 12 * HOUR, ctr=0.06, verdict="yes")
    release(ledger, model, 2, as_of=NEWEST - 12 * HOUR)
    measure(ledger, model, hours=12, version=2)
    body = {"fence": 2, "version": 2, "until": "2011-06-03T12", "reason": "CTR 10.00% in 12 hours"}
    ledger.put_measurement(model, NEWEST, "probation", verdict="no", body=body, replay=False)
    decide(ledger, model, "healthy", "ctr: CTR 10.00%, expected 10.00%")


def _column(bins: Bins, counts: tuple[int, ...], importance: float) -> ColumnProfile:
    return ColumnProfile(
        bins=bins, counts=counts, importance=importance, day=BY_CHANCE, hour=BY_CHANCE
    )


def sketch_body(known: ReferenceProfile, ctr: float, drifted: Sequence[str]) -> dict[str, Any]:
    """Return the counts of an hour; the rows of a drifted column are all in its first bin."""
    bins = {name: _bins(column.bins, name in drifted) for name, column in known.columns.items()}
    return HourSketch(
        impressions=ROWS,
        labelled=ROWS,
        clicks=round(ctr * ROWS),
        page_views=ROWS // 5,
        fallback=4,
        bins=bins,
    ).to_json()


def hour_body(hour: datetime, version: int, digest: str, clicks: int) -> dict[str, Any]:
    """Return what counting an hour writes."""
    return {
        "hour": hour_key(hour),
        "model_version": str(version),
        "profile": digest,
        "profile_problem": None,
        "since": None,
        "impressions": ROWS,
        "clicks": clicks,
        "fallback": 4,
    }


def _bins(bins: Bins, drifted: bool) -> tuple[int, ...]:
    part = ROWS // (bins.size - 1)
    return (ROWS, *(0,) * (bins.size - 1)) if drifted else (*(part,) * (bins.size - 1), 0)


_STATES = {
    "healthy": _healthy,
    "stale": _stale,
    "held": _held,
    "warning": _warning,
    "no_data": _no_data,
    "no_champion": _no_champion,
    "probation": _probation,
}
