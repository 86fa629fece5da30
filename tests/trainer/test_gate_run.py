"""The gate over page views made by hand, and what the ledger keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_runs import finish, make_run

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ManifestInvalid
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


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.migrate()
    ledger.open_run(MODEL, "k", trigger="manual", manifest={})
    return ledger


def evaluated(
    folder: Path,
    *,
    challenger: float = 0.4,
    champion: float | None = None,
    popularity: float = 0.2,
    views: int = 100,
    **result: Any,
) -> RunDir:
    """Store an evaluation in which each list earned the same on every page view."""
    run = make_run(folder, SPEC)
    body: dict[str, Any] = {"cluster": [f"u{i // 2}" for i in range(views)]}
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
        "better than the popularity: ndcg@5 +0.2000, interval +0.2000 to +0.2000, must lie above 0 "
        "(100 page views, 50 clusters)"
    ]
    assert said["evidence"]["profile"] == {"schema": 1}
    assert [rule["name"] for rule in said["evidence"]["rules"]] == ["size", "baseline"]


@pytest.mark.parametrize(("champion", "verdict"), [(0.3, "PROMOTE"), (0.4, "HOLD"), (0.5, "HOLD")])
def test_against_a_champion(tmp_path: Path, ledger: Ledger, champion: float, verdict: str) -> None:
    run = evaluated(tmp_path, champion=champion)
    said = gate(run.url, champion_version=1, ledger=ledger)
    assert (said["verdict"], said["expected"]) == (verdict, 1)
    kept = ledger.run("k")
    assert kept is not None
    assert (kept.verdict, kept.version) == (verdict, 2)
    assert kept.body is not None
    assert kept.body["reasons"] == said["reasons"]
    assert kept.body["metrics"] == {"challenger": {"ndcg": 0.4}}


def test_the_same_lists_are_no_gain(tmp_path: Path, ledger: Ledger) -> None:
    said = gate(evaluated(tmp_path, champion=0.4).url, champion_version=1, ledger=ledger)
    assert said["reasons"] == [
        "not proved better than the champion: ndcg@5 +0.0000, interval +0.0000 to +0.0000, must "
        "lie above 0 (100 page views, 50 clusters)"
    ]


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
    """Its interval is the whole line, which JSON does not know."""
    run = make_run(tmp_path, SPEC)
    views = pl.DataFrame(
        {"cluster": ["u"] * 60, "challenger_ndcg": [1.0] * 60, "popularity_ndcg": [0.0] * 60}
    )
    said = {"champion": None, "as_of": AS_OF, "version": 1, "profile": {}, "metrics": {}}
    finish(run, "evaluate/champion=0", said, page_views=views)
    found = gate(run.url, champion_version=None, ledger=ledger)
    assert found["verdict"] == "HOLD"
    assert "interval -inf to +inf" in found["reasons"][0]


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


def test_asked_again_it_says_the_same(tmp_path: Path, ledger: Ledger) -> None:
    run = evaluated(tmp_path, champion=0.3)
    assert gate(run.url, champion_version=1, ledger=ledger) == gate(
        run.url, champion_version=1, ledger=ledger
    )


def test_not_evaluated_against_this_champion(tmp_path: Path, ledger: Ledger) -> None:
    run = evaluated(tmp_path)
    with pytest.raises(ManifestInvalid, match=r"evaluate/champion=3 has no _SUCCESS: run `"):
        gate(run.url, champion_version=3, ledger=ledger)


def test_a_damaged_evaluation_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    run = evaluated(tmp_path)
    Path(run.path("evaluate/champion=0", "page_views.parquet")).write_bytes(b"")
    with pytest.raises(ManifestInvalid, match=r"page_views.parquet is not the file"):
        gate(run.url, champion_version=None, ledger=ledger)
