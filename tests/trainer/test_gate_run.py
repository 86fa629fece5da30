"""The gate over page views made by hand, and what the ledger keeps of it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_runs import finish, make_run

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ArtifactRefused, ManifestInvalid
from evergreen.trainer.gate_run import gate
from evergreen.trainer.manifest import RunDir

MODEL = "also_bought"
SPEC = ModelSpec.model_validate(
    {
        "model": MODEL,
        "description": "",
        "owner": "",
        "gate": {"min_page_views": 50, "resamples": 200},
    }
)
AS_OF = "2011-04-18T00:00:00+00:00"
MOMENT = datetime.fromisoformat(AS_OF)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.migrate()
    ledger.open_run(MODEL, "k", trigger="manual", manifest={})
    return ledger


def crown(ledger: Ledger, version: int = 1, expected: int | None = None, **said: Any) -> None:
    """Make a version champion."""
    body: dict[str, Any] = {"kind": "promotion", "run_key": f"run-{version}", "reason": ""}
    body |= {"as_of": MOMENT, "evidence": {}, **said}
    ledger.release(MODEL, version, expected=expected, **body)


@pytest.fixture
def crowned(ledger: Ledger) -> Ledger:
    """A ledger in which version 1 is champion."""
    crown(ledger)
    return ledger


def evaluated(
    folder: Path,
    *,
    challenger: float = 0.4,
    champion: float | None = None,
    popularity: float = 0.2,
    views: int = 100,
    spec: ModelSpec = SPEC,
    run_key: str = "k",
    columns: dict[str, Any] | None = None,
    **result: Any,
) -> RunDir:
    """Store an evaluation in which each list earned the same on every page view."""
    run = make_run(folder, spec, run_key)
    body: dict[str, Any] = {"cluster": [f"u{i // 2}" for i in range(views)], **(columns or {})}
    earned = {"challenger": challenger, "popularity": popularity}
    if champion is not None:
        earned["champion"] = champion
    for who, value in earned.items():
        body |= {f"{who}_ndcg": [value] * views, f"{who}_hit": [value] * views}
    number = None if champion is None else 1
    said = {
        "variant": "full_28d",
        "champion": number,
        "as_of": AS_OF,
        "version": 2,
        "profile": {"schema": 1},
        "metrics": {"challenger": {"ndcg": challenger}},
        **result,
    }
    finish(run, f"evaluate/champion={number or 0}", said, page_views=pl.DataFrame(body))
    return run


def test_a_first_champion(tmp_path: Path, ledger: Ledger) -> None:
    run = evaluated(tmp_path)
    said = gate(run.url, champion_version=None, ledger=ledger)
    assert said["verdict"] == "PROMOTE"
    assert (said["version"], said["expected"], said["as_of"]) == (2, None, AS_OF)
    assert said["run_key"] == "k"
    assert said["reasons"] == [
        "better than popularity: ndcg@5 +0.2000 (+100.0%), 95 % interval +0.2000 to +0.2000, must "
        "lie above 0 (100 page views, 50 clusters)"
    ]
    assert said["evidence"]["profile"] == {"schema": 1}
    assert [rule["name"] for rule in said["evidence"]["rules"]] == [
        *("size", "baseline", "power", "data", "fresh_champion")
    ]


@pytest.mark.parametrize(("champion", "verdict"), [(0.3, "PROMOTE"), (0.4, "HOLD"), (0.5, "HOLD")])
def test_against_a_champion(tmp_path: Path, crowned: Ledger, champion: float, verdict: str) -> None:
    run = evaluated(tmp_path, champion=champion)
    said = gate(run.url, champion_version=1, ledger=crowned)
    assert (said["verdict"], said["expected"]) == (verdict, 1)
    kept = crowned.run("k")
    assert kept is not None
    assert (kept.verdict, kept.version) == (verdict, 2)
    assert kept.body is not None
    assert kept.body["reasons"] == said["reasons"]
    assert kept.body["metrics"] == {"challenger": {"ndcg": 0.4}}


def test_the_same_lists_are_no_gain(tmp_path: Path, crowned: Ledger) -> None:
    said = gate(evaluated(tmp_path, champion=0.4).url, champion_version=1, ledger=crowned)
    assert said["reasons"] == [
        "not proved better than the champion: ndcg@5 +0.0000 (+0.0%), 95 % interval +0.0000 to "
        "+0.0000, must lie above 0 (100 page views, 50 clusters)"
    ]


def test_a_champion_by_another_file_than_was_released(tmp_path: Path, ledger: Ledger) -> None:
    crown(ledger, evidence={"model_sha256": "a" * 64})
    run = evaluated(tmp_path, champion=0.3, champion_model_sha256="b" * 64)
    with pytest.raises(ArtifactRefused, match=r"sha256 bbbbbbbbbbbb…, but aaaaaaaaaaaa… was"):
        gate(run.url, champion_version=1, ledger=ledger)
    kept = ledger.run("k")
    assert kept is not None
    assert kept.verdict is None
    run = evaluated(tmp_path / "again", champion=0.3, champion_model_sha256="a" * 64)
    assert gate(run.url, champion_version=1, ledger=ledger)["verdict"] == "PROMOTE"


def test_worse_than_popularity(tmp_path: Path, ledger: Ledger) -> None:
    said = gate(evaluated(tmp_path, popularity=0.5).url, champion_version=None, ledger=ledger)
    assert said["verdict"] == "HOLD"


@pytest.mark.parametrize("views", [0, 49])
def test_too_few_page_views(tmp_path: Path, ledger: Ledger, views: int) -> None:
    run = evaluated(tmp_path, views=views)
    said = gate(run.url, champion_version=None, ledger=ledger)
    assert said["verdict"] == "INCONCLUSIVE"
    assert said["reasons"][0] == f"holdout has {views} page views, 50 needed"
    kept = ledger.run("k")
    assert kept is not None
    assert kept.verdict == "INCONCLUSIVE"


def test_one_user_made_them_all(tmp_path: Path, ledger: Ledger) -> None:
    """Nothing says how users vary; its interval is the whole line, which JSON does not know."""
    run = make_run(tmp_path, SPEC)
    views = pl.DataFrame(
        {"cluster": ["u"] * 60, "challenger_ndcg": [1.0] * 60, "popularity_ndcg": [0.0] * 60}
    )
    said = {"champion": None, "as_of": AS_OF, "version": 1, "profile": {}, "metrics": {}}
    finish(run, "evaluate/champion=0", said, page_views=views)
    found = gate(run.url, champion_version=None, ledger=ledger)
    assert found["verdict"] == "INCONCLUSIVE"
    assert "interval -inf to +inf" in found["reasons"][0]
    assert found["reasons"][1].startswith("no number of page views like these 60 would find")
    assert "Infinity" not in json.dumps(found)


def test_the_champion_itself_stays(tmp_path: Path, ledger: Ledger) -> None:
    run = make_run(tmp_path, SPEC)
    ledger.close_run("k", verdict="PROMOTE", version=1, body={})
    said = {"champion": 1, "as_of": AS_OF, "version": 1, "is_champion": True}
    finish(run, "evaluate/champion=1", said)
    found = gate(run.url, champion_version=1, ledger=ledger)
    assert (found["verdict"], found["version"]) == ("HOLD", 1)
    assert found["reasons"] == ["version 1 was trained from this very window and is the champion"]
    kept = ledger.run("k")
    assert kept is not None
    assert kept.verdict == "PROMOTE"  # what it was when it was trained


def test_asked_again_it_says_the_same(tmp_path: Path, crowned: Ledger) -> None:
    run = evaluated(tmp_path, champion=0.3)
    first = gate(run.url, champion_version=1, ledger=crowned)
    assert gate(run.url, champion_version=1, ledger=crowned) == first
    crown(crowned, 2, 1, run_key="k")  # its own release does not make it stale
    assert gate(run.url, champion_version=1, ledger=crowned) == first


def rule(said: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (r for r in said["evidence"]["rules"] if r["name"] == name)
    return dict(found)


def ask(folder: Path, ledger: Ledger, key: str, champion: int, **more: Any) -> dict[str, Any]:
    """Evaluate and judge a run of this key."""
    ledger.open_run(MODEL, key, trigger="manual", manifest={})
    run = make_run(folder, SPEC, key)
    body = {"cluster": [f"u{i // 2}" for i in range(100)]}
    views = pl.DataFrame(body).with_columns(
        challenger_ndcg=0.5 + pl.Series([0.3, -0.2] * 50), champion_ndcg=0.5, popularity_ndcg=0.2
    )
    said = {"champion": champion, "as_of": AS_OF, "version": 9, "profile": {}, "metrics": {}}
    finish(run, f"evaluate/champion={champion}", {**said, **more}, page_views=views)
    return gate(run.url, champion_version=champion, ledger=ledger)


def test_each_attempt_has_less_to_spend(tmp_path: Path, crowned: Ledger) -> None:
    said = [ask(tmp_path, crowned, key, 1) for key in ("a", "b", "c")]
    budgets = [each["evidence"]["budget"] for each in said]
    assert [b["attempt"] for b in budgets] == [1, 2, 3]
    assert [b["alpha"] for b in budgets] == pytest.approx([0.025, 0.0125, 0.025 / 6])
    assert [b["total"] for b in budgets] == [0.05] * 3
    bounds = [rule(each, "gain")["lower"] for each in said]
    assert bounds == sorted(bounds, reverse=True)
    run = RunDir(str(tmp_path / "b"))
    assert gate(run.url, champion_version=1, ledger=crowned)["evidence"]["budget"] == budgets[1]


def test_another_champion_is_another_history(tmp_path: Path, crowned: Ledger) -> None:
    ask(tmp_path, crowned, "a", 1)
    ask(tmp_path, crowned, "b", 1)
    crown(crowned, 5, 1)
    assert ask(tmp_path, crowned, "b", 5)["evidence"]["budget"]["attempt"] == 1
    # the attempt that b was against version 1 is not forgotten
    assert ask(tmp_path, crowned, "c", 1)["evidence"]["budget"]["attempt"] == 3


def test_runs_from_before_attempts_were_numbered_count(tmp_path: Path, crowned: Ledger) -> None:
    for key, version in (("old", 8), ("itself", 1)):  # the second was the champion's own run
        crowned.open_run(MODEL, key, trigger="manual", manifest={})
        body = {"expected": 1, "version": version}
        crowned.close_run(key, verdict="HOLD", version=version, body=body)
    assert ask(tmp_path, crowned, "a", 1)["evidence"]["budget"]["attempt"] == 2


def test_the_champion_has_changed_since(tmp_path: Path, crowned: Ledger) -> None:
    run = evaluated(tmp_path, champion=0.3)
    crown(crowned, 7, 1)
    said = gate(run.url, champion_version=1, ledger=crowned)
    assert said["verdict"] == "HOLD"
    assert said["reasons"] == [
        "compared with version 1, but now there is version 7: evaluate against that one"
    ]


def test_a_version_that_failed_its_probation_stays_out(tmp_path: Path, crowned: Ledger) -> None:
    crown(crowned, 2, 1)
    crown(crowned, 1, 2, kind="probation")
    assert crowned.blocked(MODEL) == {2}
    said = gate(evaluated(tmp_path, champion=0.3).url, champion_version=1, ledger=crowned)
    assert said["verdict"] == "HOLD"
    assert said["reasons"][0].startswith("version 2 was champion and failed its probation")


def test_slices_that_are_not_there_fail(tmp_path: Path, crowned: Ledger) -> None:
    slices = [{"column": c} for c in ("country", "gone", "empty")]
    body = SPEC.model_dump(by_alias=True)
    spec = ModelSpec.model_validate({**body, "gate": {**body["gate"], "slices": slices}})
    columns = {"slice_country": ["GB", "FR"] * 50, "slice_empty": pl.Series([None] * 100)}
    run = evaluated(tmp_path, champion=0.3, spec=spec, columns=columns)
    said = gate(run.url, champion_version=1, ledger=crowned)
    found = {r["subject"]: r["verdict"] for r in said["evidence"]["rules"] if r["name"] == "slice"}
    assert found == {
        **{"gone": "fail", "empty": "fail"},
        **{"country=GB": "pass", "country=FR": "pass"},
    }
    assert said["verdict"] == "HOLD"
    assert "or start the retraining again with --force" in said["reasons"][0]


def test_an_older_evaluation_has_no_guardrails(tmp_path: Path, crowned: Ledger) -> None:
    said = gate(evaluated(tmp_path, champion=0.3).url, champion_version=1, ledger=crowned)
    names = ("log_loss", "calibration", "coverage", "unseen_items", "latency")
    assert {rule(said, name)["verdict"] for name in names} == {"not_enough_data"}
    assert said["verdict"] == "PROMOTE"


def test_what_is_kept_for_people(tmp_path: Path, crowned: Ledger) -> None:
    said = gate(evaluated(tmp_path, champion=0.3).url, champion_version=1, ledger=crowned)
    evidence = said["evidence"]
    assert evidence["power"] == {"wanted_gain": 0.03, "page_views": 100, "needed_page_views": 0}
    counts, edges = evidence["differences"]["counts"], evidence["differences"]["edges"]
    assert (len(counts), len(edges), sum(counts)) == (20, 21, 100)
    kept = crowned.run("k")
    assert kept is not None
    assert kept.body is not None
    assert kept.body["evidence"] == {
        name: value for name, value in evidence.items() if name not in ("profile", "metrics")
    }
    assert kept.body["attempts"] == {"1": 1}


def test_not_evaluated_against_this_champion(tmp_path: Path, ledger: Ledger) -> None:
    run = evaluated(tmp_path)
    with pytest.raises(ManifestInvalid, match=r"evaluate/champion=3 has no _SUCCESS: run `"):
        gate(run.url, champion_version=3, ledger=ledger)


def test_a_damaged_evaluation_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    run = evaluated(tmp_path)
    Path(run.path("evaluate/champion=0", "page_views.parquet")).write_bytes(b"")
    with pytest.raises(ManifestInvalid, match=r"page_views.parquet is not the file"):
        gate(run.url, champion_version=None, ledger=ledger)
