"""What starts a retraining, what it learns from, and what a stale gate is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException
from aliases import keep_aliases

from evergreen.adapters.installation import open_lake, open_ledger, spec_of
from evergreen.adapters.registry import Registry
from evergreen.domain.errors import ChampionChanged, RegistryUnreachable
from evergreen.orchestration.due import age_of_champion
from evergreen.orchestration.retraining import (
    FreezeWindow,
    Hold,
    Promote,
    ValidateDataset,
    champion_version,
)

AS_OF = datetime(2011, 5, 1, tzinfo=UTC)
FORM = {"window": "28d", "reason": None, "force": False}
VERDICT = {
    "verdict": "HOLD",
    "version": 2,
    "expected": 1,
    "as_of": AS_OF.isoformat(),
    "run_key": "k2",
    "reasons": ["no gain"],
    "evidence": {},
}


def task(kind: type[Any]) -> Any:
    with DAG("shop__retrain"):
        return kind(task_id="task")


def release(
    model: str, version: int, *, expected: int | None, requested: str | None = None
) -> None:
    """Make a version champion."""
    open_ledger().release(
        model,
        version,
        expected=expected,
        kind="promotion",
        run_key=f"k{version}",
        as_of=AS_OF,
        reason="better",
        evidence={"requested": requested},
    )


@pytest.fixture(autouse=True)
def aliases(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    return keep_aliases(monkeypatch)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what `freeze_window` is called with."""
    import evergreen.trainer.freeze as module

    calls: list[dict[str, Any]] = []

    def freeze_window(spec: Any, **arguments: Any) -> dict[str, Any]:
        calls.append(arguments)
        return {"run_key": "k", "run_dir": "/runs/k"}

    monkeypatch.setattr(module, "freeze_window", freeze_window)
    return calls


def test_the_variants_are_those_of_the_frozen_window(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`model.yaml` may say others by now, and the DAG file may have been parsed before or after."""
    import evergreen.trainer.dataset_quality as module
    from evergreen.trainer.manifest import RunDir

    add_model(train={"variants": ["full_28d"]})
    frozen = spec_of("shop").model_copy(deep=True)
    frozen = frozen.model_copy(
        update={"train": frozen.train.model_copy(update={"variants": ("recent_7d", "full_28d")})}
    )
    monkeypatch.setattr(RunDir, "spec", lambda _: frozen)
    monkeypatch.setattr(module, "validate_dataset", lambda *_, **__: {"rows": 3, "warnings": 0})
    ti = SimpleNamespace(xcom_pull=lambda **_: {"run_key": "k", "run_dir": str(tmp_path)})
    said = task(ValidateDataset).execute({"ti": ti})
    assert said == [{"variant": "recent_7d"}, {"variant": "full_28d"}]


@pytest.mark.parametrize(("days", "due"), [(27.9, False), (28, True), (40, True)])
def test_age_is_told_by_the_lake_s_clock(
    add_model: Callable[..., str], days: float, due: bool
) -> None:
    spec = spec_of(add_model())
    lake = open_lake(spec)
    newest = AS_OF + timedelta(days=days) - timedelta(hours=1)
    lake.land_hour("impressions", newest.replace(minute=0, second=0), None)
    found = age_of_champion(spec, SimpleNamespace(version=3, as_of=AS_OF), lake)  # type: ignore[arg-type]
    assert found.due is due
    assert found.text.startswith("champion version 3 of shop is ")
    assert found.text.endswith("(max_model_age 28d)")


def test_no_champion_is_due_and_a_silent_lake_makes_nobody_older(
    add_model: Callable[..., str],
) -> None:
    spec = spec_of(add_model())
    found = age_of_champion(spec, None, open_lake(spec))
    assert (found.age, found.due, found.text) == (None, True, "shop has no champion")
    champion = SimpleNamespace(version=3, as_of=AS_OF)
    found = age_of_champion(spec, champion, open_lake(spec))  # type: ignore[arg-type]
    assert (found.age, found.due) == (timedelta(0), False)


def test_cron_skips_while_the_champion_is_young(
    add_model: Callable[..., str], context: Callable[..., Any], asked: list[dict[str, Any]]
) -> None:
    model = add_model()
    release(model, 1, expected=None)
    open_lake(spec_of(model)).land_hour("impressions", AS_OF + timedelta(hours=35), None)
    with pytest.raises(AirflowSkipException) as skipped:
        task(FreezeWindow).execute(context(params=FORM))
    assert str(skipped.value) == (
        "champion version 1 of shop is 1.5 days old at 2011-05-02T12 (max_model_age 28d)"
    )
    assert asked == []


def test_cron_trains_a_first_champion(
    add_model: Callable[..., str], context: Callable[..., Any], asked: list[dict[str, Any]]
) -> None:
    add_model()
    found = task(FreezeWindow).execute(context(params=FORM))
    assert found == {
        "run_key": "k",
        "run_dir": "/runs/k",
        "trigger": "scheduled",
        "reason": "shop has no champion",
    }
    assert asked[0]["until"] is None


def test_a_request_freezes_up_to_its_hour(
    add_model: Callable[..., str], context: Callable[..., Any], asked: list[dict[str, Any]]
) -> None:
    add_model()
    extra = {"hour": "2011-05-02T12", "reasons": ["CTR fell", "fallback rose"]}
    events = [SimpleNamespace(timestamp=AS_OF, extra=extra)]
    run = context(run_type="asset_triggered", params=FORM, events=events)
    found = task(FreezeWindow).execute(run)
    assert (found["trigger"], found["reason"]) == ("asset", "CTR fell; fallback rose")
    assert asked[0]["until"] == datetime(2011, 5, 2, 13, tzinfo=UTC)
    assert asked[0]["window"] == timedelta(days=28)


def requested(context: Callable[..., Any], *, champion: int | None) -> Any:
    """Return the context of a run that the monitor asked for, about this champion."""
    extra = {"hour": "2011-05-02T12", "champion": champion, "reasons": ["CTR fell"]}
    events = [SimpleNamespace(timestamp=AS_OF, extra=extra)]
    return context(run_type="asset_triggered", params=FORM, events=events)


def test_a_request_that_a_newer_champion_answers_skips(
    add_model: Callable[..., str], context: Callable[..., Any], asked: list[dict[str, Any]]
) -> None:
    """A request waits while a retraining by cron runs, and that one promotes."""
    model = add_model()
    release(model, 1, expected=None)
    open_ledger().open_incident(model, AS_OF, evidence={})
    release(model, 2, expected=1, requested="champion version 1 of shop is 30.0 days old")
    with pytest.raises(AirflowSkipException, match="2011-05-02T12 is answered by version 2"):
        task(FreezeWindow).execute(requested(context, champion=1))
    assert asked == []
    assert open_ledger().open_incident_of(model) is None


@pytest.mark.parametrize("about", [None, 1])
def test_a_request_s_own_champion_does_not_answer_it(
    add_model: Callable[..., str],
    context: Callable[..., Any],
    asked: list[dict[str, Any]],
    about: int | None,
) -> None:
    """Its run is cleared after `promote`, before `publish`: it must finish what it began."""
    model = add_model()
    release(model, 1, expected=None)
    release(model, 2, expected=1, requested="CTR fell")
    task(FreezeWindow).execute(requested(context, champion=about))
    assert len(asked) == 1


def test_a_form_is_handed_on(
    add_model: Callable[..., str], context: Callable[..., Any], asked: list[dict[str, Any]]
) -> None:
    add_model()
    form = {"window": "2w", "reason": "new season", "force": True}
    found = task(FreezeWindow).execute(context(run_type="manual", params=form))
    assert (found["trigger"], found["reason"]) == ("manual", "new season")
    said = {name: asked[0][name] for name in ("until", "window", "force")}
    assert said == {"until": None, "window": timedelta(days=14), "force": True}


def test_a_stale_gate_is_refused_and_told_what_to_clear(
    add_model: Callable[..., str], context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import evergreen.trainer.digest as module

    monkeypatch.setattr(module, "trained_digest", lambda run_dir: "d")
    model = add_model()
    release(model, 1, expected=None)
    release(model, 3, expected=1)  # somebody was quicker
    xcoms = {"gate": VERDICT, "freeze_window": {"trigger": "manual", "reason": "", "run_dir": "r"}}
    with pytest.raises(ChampionChanged, match="Clear `evaluate` with its downstream tasks"):
        task(Promote).execute(context(xcoms=xcoms))
    assert champion_version(model) == "3"  # what `evaluate` asks for when it is cleared


def test_hold_says_why_once_and_closes_the_incident(
    add_model: Callable[..., str], context: Callable[..., Any]
) -> None:
    model, ledger = add_model(), open_ledger()
    ledger.open_incident(model, AS_OF, evidence={})
    for _ in range(2):
        said = task(Hold).execute(context(xcoms={"gate": VERDICT}))
    assert said == ("shop: kept version 1 (HOLD): no gain; report: /evergreen/reports/shop/k2/1")
    assert [delivery.text for delivery in ledger.deliveries(model)] == [said]
    assert ledger.open_incident_of(model) is None


def test_there_is_no_champion_version_before_the_first(add_model: Callable[..., str]) -> None:
    assert champion_version(add_model()) == "0"


def test_every_run_notices_an_alias_that_a_hand_moved(
    add_model: Callable[..., str],
    context: Callable[..., Any],
    asked: list[dict[str, Any]],
    aliases: dict[str, int],
) -> None:
    model, ledger = add_model(), open_ledger()
    release(model, 1, expected=None)
    for _ in range(2):
        aliases[model] = 9
        task(FreezeWindow).execute(context(run_type="manual", params=FORM))
    assert aliases[model] == 1
    assert [delivery.text for delivery in ledger.deliveries(model)] == [
        "shop: alias champion: had been moved by hand to version 9, which was never released; put "
        "back to version 1"
    ]
    assert len(asked) == 2


def test_a_registry_that_is_down_stops_no_retraining(
    add_model: Callable[..., str],
    context: Callable[..., Any],
    asked: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def down(*_: Any) -> None:
        raise RegistryUnreachable("MLflow is down")

    release(add_model(), 1, expected=None)
    monkeypatch.setattr(Registry, "champion", down)
    task(FreezeWindow).execute(context(run_type="manual", params=FORM))
    assert len(asked) == 1
