"""A failing probation rolls back by itself, once; an alias moved by hand is put back and told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException
from aliases import keep_aliases

import evergreen.orchestration.monitoring as monitoring
from evergreen.adapters.installation import open_ledger, open_published, spec_of
from evergreen.adapters.ledger import Ledger
from evergreen.domain.errors import VersionUnknown
from evergreen.orchestration.following import follow_ledger
from evergreen.orchestration.monitoring import RequestRollback

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)
AS_OF = datetime(2011, 5, 1, tzinfo=UTC)
TRIAL = {"version": 2, "fence": 2, "replaced_version": 1, "reason": "CTR 0.10%", "verdict": "yes"}
DECISION = {
    "action": "request_rollback",
    "reasons": ["probation: CTR 0.10%"],
    "evidence": {"probation": TRIAL},
    "sensors": ["probation"],
    "tell": True,
    "champion": 2,
}


@pytest.fixture
def aliases(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    return keep_aliases(monkeypatch)


@pytest.fixture
def model(add_model: Callable[..., str], aliases: dict[str, int]) -> str:
    """Version 2 took version 1's place; both are published."""
    model = add_model()
    types = {"rank": pl.Int16, "score": pl.Float32}
    popular = pl.DataFrame({"item_id": ["a"], "rank": [1], "score": [0.5]}, schema_overrides=types)
    lists = popular.insert_column(0, pl.Series("context_item_id", ["b"]))
    published = open_published(spec_of(model))
    for version in (1, 2):
        published.write(version, lists, popular.drop("context_item_id", strict=False), as_of=AS_OF)
        promote(model, version, expected=version - 1 or None)
    follow_ledger(spec_of(model), open_ledger())
    return model


def promote(model: str, version: int, *, expected: int | None) -> None:
    open_ledger().release(
        model,
        version,
        expected=expected,
        kind="promotion",
        run_key=f"k{version}",
        as_of=AS_OF,
        reason="better",
        evidence={},
    )


def roll_back(context: Callable[..., Any], **run: Any) -> Any:
    with DAG("shop__monitor_hourly"):
        task = RequestRollback(task_id="request_rollback")
    return task.execute(context(start=HOUR, xcoms={"decide": DECISION}, **run))


def state(model: str, aliases: dict[str, int]) -> tuple[Any, ...]:
    """What readers and people see: champion, CURRENT, alias; releases, incidents, messages."""
    ledger, current = open_ledger(), open_published(spec_of(model)).current()
    champion = ledger.champion(model)
    assert champion is not None
    assert current is not None
    seen = (champion.version, current.version, aliases[model])
    counts = (ledger.releases(model), ledger.incidents(model), ledger.deliveries(model))
    return (*seen, *map(len, counts))


def test_it_rolls_back_by_itself_and_once(
    model: str, aliases: dict[str, int], context: Callable[..., Any]
) -> None:
    for _ in range(3):
        assert roll_back(context) == DECISION
    assert state(model, aliases) == (1, 1, 1, 3, 1, 1)
    ledger = open_ledger()
    release, incident = ledger.champion(model), ledger.open_incident_of(model)
    assert release is not None
    assert incident is not None
    assert (release.kind, release.replaced_version) == ("probation", 2)
    assert release.reason == "version 2 failed its probation: CTR 0.10%"
    assert release.evidence["verdict"] == TRIAL
    assert (incident.hour, incident.evidence) == (HOUR, DECISION["evidence"])
    (message,) = ledger.deliveries(model)
    assert (message.severity, message.text) == (
        "error",
        "shop 2011-05-02T12: version 2 failed its probation and was rolled back to version 1; no "
        "gate promotes it again: probation: CTR 0.10%",
    )


@pytest.mark.parametrize("step", ["follow_ledger", "notify", "open_published"])
def test_killed_in_the_middle_it_goes_on(
    model: str,
    aliases: dict[str, int],
    context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(monitoring, step, killed)
        with pytest.raises(KeyboardInterrupt):
            roll_back(context)
    roll_back(context)
    assert state(model, aliases) == (1, 1, 1, 3, 1, 1)


def test_an_incident_that_is_open_already_stays_the_only_one(
    model: str, aliases: dict[str, int], context: Callable[..., Any]
) -> None:
    open_ledger().open_incident(model, HOUR, evidence={})
    roll_back(context)
    assert state(model, aliases) == (1, 1, 1, 3, 1, 1)


def test_a_newer_champion_stays(
    model: str, aliases: dict[str, int], context: Callable[..., Any]
) -> None:
    promote(model, 3, expected=2)
    with pytest.raises(AirflowSkipException, match="version 2 was replaced before"):
        roll_back(context)
    assert open_ledger().incidents(model) == []


def test_run_again_after_a_newer_champion_came_it_changes_nothing(
    model: str, aliases: dict[str, int], context: Callable[..., Any]
) -> None:
    roll_back(context)
    promote(model, 3, expected=1)
    roll_back(context)
    assert [r.version for r in open_ledger().releases(model)] == [1, 2, 1, 3]


def test_without_the_old_set_it_fails_with_an_incident(
    model: str,
    aliases: dict[str, int],
    context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evergreen.adapters.published import Published

    monkeypatch.setattr(Published, "has", lambda _, version: version != 1)
    with pytest.raises(VersionUnknown, match="the set of version 1 is gone"):
        roll_back(context)
    assert open_ledger().open_incident_of(model) is not None
    assert len(open_ledger().releases(model)) == 2


def test_a_replay_rolls_nothing_back(
    model: str, aliases: dict[str, int], context: Callable[..., Any]
) -> None:
    with pytest.raises(AirflowSkipException):
        roll_back(context, run_type="backfill")
    assert state(model, aliases) == (2, 2, 2, 2, 0, 0)


def test_an_alias_moved_by_hand_is_put_back_and_told_once_a_day(
    model: str, aliases: dict[str, int]
) -> None:
    ledger: Ledger = open_ledger()
    for _ in range(2):
        aliases[model] = 1
        said = follow_ledger(spec_of(model), ledger)
        assert said == (
            "alias champion: had been moved by hand to version 1; put back to version 2"
        )
    assert aliases[model] == 2
    (message,) = ledger.deliveries(model)
    assert (message.severity, message.text) == ("warning", f"shop: {said}")
