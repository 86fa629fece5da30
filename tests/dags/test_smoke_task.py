"""A set that cannot serve gives way to the one before, once, and people are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from airflow.sdk import DAG
from aliases import keep_aliases

import evergreen.orchestration.smoking as smoking
from evergreen.adapters.installation import open_ledger, open_published, spec_of
from evergreen.domain.errors import ArtifactRefused, PublishRefused, SmokeFailed
from evergreen.orchestration.following import follow_ledger
from evergreen.orchestration.retraining import SmokeTest

AS_OF = datetime(2011, 5, 1, 12, 30, tzinfo=UTC)
GOOD, BAD = 0.5, 1.5
TYPES = {"rank": pl.Int16, "score": pl.Float32}


@pytest.fixture
def aliases(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    return keep_aliases(monkeypatch)


@pytest.fixture
def model(add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A model without releases; whatever is registered scores 0.5."""
    monkeypatch.setattr(
        smoking, "registered_scores", lambda *_: lambda served: np.full(served.height, GOOD)
    )
    return add_model()


def put_in_force(model: str, version: int, score: float) -> None:
    published, ledger = open_published(spec_of(model)), open_ledger()
    popular = pl.DataFrame({"item_id": ["a"], "rank": [1], "score": [GOOD]}, schema_overrides=TYPES)
    lists = popular.select(
        context_item_id=pl.lit("b"),
        item_id="item_id",
        rank="rank",
        score=pl.lit(score, pl.Float32),
    )
    published.write(version, lists, popular, as_of=AS_OF)
    champion = ledger.champion(model)
    made = ledger.release(
        model,
        version,
        expected=champion.version if champion else None,
        kind="promotion",
        run_key=f"k{version}",
        as_of=AS_OF,
        reason="better",
        evidence={"model_sha256": f"d{version}"},
    )
    published.flip(version, made.fence)


def smoke(context: Callable[..., Any], version: int, fence: int) -> None:
    with DAG("shop__retrain"):
        task = SmokeTest(task_id="smoke_test")
    task.execute(context(xcoms={"promote": {"version": version, "fence": fence}}))


def in_force(model: str) -> tuple[int, int]:
    current = open_published(spec_of(model)).current()
    assert current is not None
    return current.version, current.fence


def test_a_good_set_stays(model: str, aliases: dict[str, int], context: Callable[..., Any]) -> None:
    put_in_force(model, 1, GOOD)
    put_in_force(model, 2, GOOD)
    smoke(context, 2, 2)
    assert in_force(model) == (2, 2)
    assert open_ledger().deliveries(model) == []


def test_a_bad_set_gives_way_to_the_one_before(
    model: str, aliases: dict[str, int], context: Callable[..., Any]
) -> None:
    put_in_force(model, 1, GOOD)
    put_in_force(model, 2, BAD)
    for _ in range(2):  # run again: it fails again, and nothing more is done
        with pytest.raises(
            SmokeFailed, match="version 2 failed its smoke test, version 1 was rest"
        ):
            smoke(context, 2, 2)
    ledger = open_ledger()
    champion, incident = ledger.champion(model), ledger.open_incident_of(model)
    assert champion is not None
    assert incident is not None
    assert (champion.version, champion.fence, champion.kind) == (1, 3, "rollback")
    assert (champion.replaced_version, champion.evidence["smoke_failed_fence"]) == (2, 2)
    assert "a score is no probability" in champion.reason
    assert (in_force(model), aliases[model]) == ((1, 3), 1)
    assert (incident.hour, incident.evidence["version"]) == (AS_OF.replace(minute=0), 2)
    (message,) = ledger.deliveries(model)
    assert (message.severity, message.text) == ("error", f"shop: {champion.reason}")
    assert ledger.blocked(model) == frozenset()  # its model is as good as the gate found it


def test_a_first_set_that_is_bad_has_nothing_before_it(
    model: str, aliases: dict[str, int], context: Callable[..., Any]
) -> None:
    put_in_force(model, 1, BAD)
    with pytest.raises(SmokeFailed, match="CURRENT had nothing before, so there is no set to rest"):
        smoke(context, 1, 1)
    assert len(open_ledger().releases(model)) == 1
    assert open_ledger().open_incident_of(model) is not None
    assert len(open_ledger().deliveries(model)) == 1


def test_killed_after_the_ledger_it_goes_on(
    model: str,
    aliases: dict[str, int],
    context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    put_in_force(model, 1, GOOD)
    put_in_force(model, 2, BAD)
    with monkeypatch.context() as patch:
        patch.setattr(smoking, "follow_ledger", killed)
        with pytest.raises(KeyboardInterrupt):
            smoke(context, 2, 2)
    assert in_force(model) == (2, 2)
    with pytest.raises(SmokeFailed):
        smoke(context, 2, 2)
    assert in_force(model) == (1, 3)
    assert len(open_ledger().releases(model)) == 3


def test_a_registered_model_that_is_not_the_ledger_s_fails_it(
    model: str,
    aliases: dict[str, int],
    context: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: Any) -> None:
        raise ArtifactRefused("the registry's digest is not the ledger's")

    put_in_force(model, 1, GOOD)
    put_in_force(model, 2, GOOD)
    monkeypatch.setattr(smoking, "registered_scores", refused)
    with pytest.raises(SmokeFailed, match="the registry's digest is not the ledger's"):
        smoke(context, 2, 2)
    assert in_force(model) == (1, 3)


def test_another_release_in_between_restores_nothing(
    model: str, aliases: dict[str, int], context: Callable[..., Any]
) -> None:
    put_in_force(model, 1, GOOD)
    put_in_force(model, 2, BAD)
    put_in_force(model, 3, GOOD)
    with pytest.raises(PublishRefused, match="CURRENT names version 3, not version 2"):
        smoke(context, 2, 2)
    assert follow_ledger(spec_of(model), open_ledger()) == "alias champion: none → version 3"
    assert in_force(model) == (3, 3)


def test_scores_come_from_the_model_that_the_ledger_names(
    add_model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergreen.adapters.registry import Registry

    model, asked = add_model(), []

    def fetch(_: Registry, *where: Any, sha256: str | None) -> None:
        asked.append((where[:3], sha256))
        raise ArtifactRefused("stop here")

    put_in_force(model, 1, GOOD)
    monkeypatch.setattr(Registry, "fetch", fetch)
    with pytest.raises(ArtifactRefused):
        smoking.registered_scores(spec_of(model), 1, open_ledger())
    assert asked == [((model, 1, "model.ubj"), "d1")]
