"""Three sets of lists on the same holdout page views, and one version a run key."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from made_lists import offered
from made_runs import Versions, finish, make_run, rows
from made_shop import END, HOLDOUT_START, Shop, make_orders

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ManifestInvalid, RegistryUnreachable, VersionUnknown
from evergreen.trainer.evaluate import evaluate
from evergreen.trainer.fit import train
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.scoring import load_booster, rank_candidates


@pytest.fixture
def registry(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "versions")


def test_the_first_challenger_meets_popularity(
    trained: tuple[Shop, str], registry: Versions
) -> None:
    shop, folder = trained
    said = evaluate(folder, None, published=shop.published, registry=registry)
    assert (said["version"], said["champion"], said["variant"]) == (1, None, "full_28d")
    assert (set(said["metrics"]), said["as_of"]) == ({"challenger", "popularity"}, END.isoformat())
    assert said["metrics"]["challenger"]["ndcg"] > said["metrics"]["popularity"]["ndcg"]
    assert said["metrics"]["popularity"]["fallback_share"] == 1.0
    columns = said["profile"]["columns"]
    assert set(columns) == {"source", "score", *shop.spec.features.names}
    held = sum(columns[name]["importance"] for name in shop.spec.features.names)
    assert held == pytest.approx(1.0)
    baseline, challenger = said["profile"]["ctr"], said["metrics"]["challenger"]
    assert baseline["impressions"] == challenger["impressions"]
    assert baseline["rate"] == pytest.approx(challenger["ctr"], rel=0.1)  # the rhythm is taken out
    views = RunDir(folder).table("evaluate/champion=0", "page_views.parquet")
    orders = make_orders().filter(pl.col("order_time").is_between(HOLDOUT_START, END, "left"))
    assert 0 < views.height < orders.height
    assert views["challenger_ndcg"].mean() == pytest.approx(
        said["metrics"]["challenger"]["ndcg"], abs=1e-6
    )
    assert set(views["cluster"]) <= {f"user {user}" for user in orders["user_id"]}


def test_what_is_registered(trained: tuple[Shop, str], registry: Versions) -> None:
    shop, folder = trained
    said = evaluate(folder, None, published=shop.published, registry=registry)
    (version,) = registry.registered
    assert version["features"] == shop.spec.features.names
    assert version["profile.json"] == said["profile"]
    assert version["manifest.json"] == {
        **RunDir(folder).manifest(),
        "trained_until": RunDir(folder).require("build_dataset")["validation_start"],
    }
    assert version["metrics"]["challenger_ctr"] == said["metrics"]["challenger"]["ctr"]
    assert version["params"]["rounds"] == RunDir(folder).require("train/full_28d")["rounds"]
    assert version["tags"]["window"] == f"{END - timedelta(days=14)} to {END}".replace(" 0", "T0")
    step = Path(RunDir(folder).path("train/full_28d", "model.ubj"))
    assert (registry.folder / "1.ubj").read_bytes() == step.read_bytes()


def test_every_variants_validation_loss_is_on_record(
    trained: tuple[Shop, str], registry: Versions
) -> None:
    """Three variants, each in its own words: the best is registered, and people see why."""
    shop, folder = trained
    run, variants = RunDir(folder), ("full_28d", "recent_7d", "fresh_24h")
    body = run.manifest()
    body["spec"]["train"] |= {"variants": list(variants), "min_rows": 1}
    run.files.write_atomic("manifest.json", json.dumps(body).encode())
    results = {name: train(folder, name, registry=registry) for name in variants}
    losses = {name: results[name]["valid_logloss"] for name in variants[:2]}
    best = min(losses, key=lambda name: losses[name])
    said = evaluate(folder, None, published=shop.published, registry=registry)
    assert said["variant"] == best
    assert {n: v["valid_logloss"] for n, v in said["variants"].items() if len(v) > 1} == losses
    assert said["variants"]["fresh_24h"]["skipped"].startswith("no champion to continue from")
    (version,) = registry.registered
    metrics, tags = version["metrics"], version["tags"]
    assert {n: metrics[f"valid_logloss_{n}"] for n in losses} == losses
    assert (metrics["valid_logloss"], tags["variant"]) == (losses[best], best)
    assert tags["variants"].startswith(
        f"full_28d {losses['full_28d']:.6f}; recent_7d {losses['recent_7d']:.6f}; "
        "fresh_24h skipped: no champion"
    )
    step = Path(run.path(f"train/{best}", "model.ubj"))
    assert (registry.folder / "1.ubj").read_bytes() == step.read_bytes()


def test_a_finished_step_registers_nothing_again(
    trained: tuple[Shop, str], registry: Versions
) -> None:
    shop, folder = trained
    first = evaluate(folder, None, published=shop.published, registry=registry)
    again = evaluate(folder, None, published=shop.published, registry=Versions(Path("unused")))
    assert again == first
    # against another champion it is compared anew, and is the same version
    other = publish_old(shop, registry)
    second = evaluate(folder, other, published=shop.published, registry=registry)
    assert (second["version"], second["champion"]) == (1, other)
    assert len(registry.keys) == 1


def publish_old(shop: Shop, registry: Versions, *, as_of_days: int = 3) -> int:
    """Publish a champion that recommends nothing but one item, made before the holdout."""
    lists = offered(("i00", "i01", 1), popular=("i59",))
    shop.published.write(
        9, lists.recommendations, lists.popular, as_of=END - timedelta(days=as_of_days)
    )
    return 9


def test_a_champion_from_before_the_holdout_is_judged_by_what_it_serves(
    trained: tuple[Shop, str], registry: Versions
) -> None:
    shop, folder = trained
    champion = publish_old(shop, registry)
    said = evaluate(folder, champion, published=shop.published, registry=registry)
    assert said["metrics"]["champion"]["fallback_share"] > 0.9
    assert said["metrics"]["champion"]["ndcg"] < said["metrics"]["challenger"]["ndcg"]
    views = RunDir(folder).table(f"evaluate/champion={champion}", "page_views.parquet")
    assert {"champion_ndcg", "champion_hit"} <= set(views.columns)


def test_a_champion_that_saw_the_holdout_is_judged_by_its_model(
    trained: tuple[Shop, str], registry: Versions
) -> None:
    """Its published lists know the answers; its model on older candidates does not."""
    shop, folder = trained
    registry.register(
        "m",
        run_key="the champion's",
        booster_file=Path(RunDir(folder).path("train/full_28d", "model.ubj")),
        features=(),
        params={},
        metrics={},
        artifacts={},
        tags={},
    )
    lists = offered(("i00", "i01", 1), popular=("i59",))
    as_of = HOLDOUT_START + timedelta(hours=1)
    shop.published.write(1, lists.recommendations, lists.popular, as_of=as_of)
    run = RunDir(folder)
    body = {**run.manifest(), "model_digests": {"1": "the ledger's"}}
    run.files.write_atomic("manifest.json", json.dumps(body).encode())
    said = evaluate(folder, 1, published=shop.published, registry=registry)
    assert said["metrics"]["champion"] == said["metrics"]["challenger"]
    assert said["version"] == 2
    assert registry.digests_asked == [(1, "model.ubj", "the ledger's")]


def test_the_champion_itself_is_not_compared(trained: tuple[Shop, str], registry: Versions) -> None:
    shop, folder = trained
    evaluate(folder, None, published=shop.published, registry=registry)
    said = evaluate(folder, 1, published=shop.published, registry=registry)
    assert (said["version"], said["is_champion"]) == (1, True)
    assert "metrics" not in said


def test_a_champion_that_needs_other_features(
    trained: tuple[Shop, str], registry: Versions, tmp_path: Path
) -> None:
    shop, folder = trained
    spec = ModelSpec.model_validate(
        {**shop.spec.model_dump(by_alias=True), "features": {"numeric": ("colour",)}}
    )
    run = make_run(tmp_path, spec)
    good = rows(40, 10, ("colour",))
    finish(run, "build_dataset", {}, train=good, valid=good)
    train(run.url, "full_28d")
    registry.register(
        "m",
        run_key="old",
        booster_file=Path(run.path("train/full_28d", "model.ubj")),
        features=("colour",),
        params={},
        metrics={},
        artifacts={},
        tags={},
    )
    with pytest.raises(VersionUnknown, match=r"needs features that features.py no longer makes"):
        evaluate(folder, 1, published=shop.published, registry=registry)


def test_a_champion_that_nobody_knows(trained: tuple[Shop, str], registry: Versions) -> None:
    with pytest.raises(VersionUnknown, match="has no version 7"):
        evaluate(trained[1], 7, published=trained[0].published, registry=registry)
    assert RunDir(trained[1]).result("evaluate/champion=7") is None


def test_without_training(tmp_path: Path, trained: tuple[Shop, str], registry: Versions) -> None:
    run = make_run(tmp_path, trained[0].spec)
    with pytest.raises(ManifestInvalid, match="run `evergreen step train --run-dir "):
        evaluate(run.url, None, published=trained[0].published, registry=registry)


@pytest.mark.parametrize(
    ("step", "name"),
    [("train/full_28d", "model.ubj"), ("build_dataset", "holdout_candidates.parquet")],
)
def test_a_damaged_artifact_is_refused(
    trained: tuple[Shop, str], registry: Versions, step: str, name: str
) -> None:
    shop, folder = trained
    path = Path(RunDir(folder).path(step, name))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ManifestInvalid, match=f"/{name} is not the file that the step wrote"):
        evaluate(folder, None, published=shop.published, registry=registry)
    assert registry.keys == []


def test_a_registry_that_is_down_loses_nothing(
    trained: tuple[Shop, str], registry: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, folder = trained

    def down(*_: object, **__: object) -> int:
        raise RegistryUnreachable("MLflow is down")

    with monkeypatch.context() as patch:
        patch.setattr(registry, "register", down)
        with pytest.raises(RegistryUnreachable):
            evaluate(folder, None, published=shop.published, registry=registry)
    assert RunDir(folder).result("evaluate/champion=0") is None
    assert evaluate(folder, None, published=shop.published, registry=registry)["version"] == 1


def test_lists_of_the_holdout_are_the_boosters(trained: tuple[Shop, str]) -> None:
    run = RunDir(trained[1])
    candidates = run.table("build_dataset", "holdout_candidates.parquet")
    booster = load_booster(Path(RunDir(trained[1]).path("train/full_28d", "model.ubj")))
    ranked = rank_candidates(booster, candidates)
    assert ranked.height == candidates.height
    best = ranked.filter(pl.col("rank") == 1)["score"]
    assert (
        best
        >= ranked.group_by("context_item_id").agg(pl.max("score")).sort("context_item_id")["score"]
    ).all()


def test_what_an_evaluation_leaves_for_the_gate(
    trained: tuple[Shop, str], registry: Versions
) -> None:
    shop, folder = trained
    champion = publish_old(shop, registry)
    said = evaluate(folder, champion, published=shop.published, registry=registry)
    run, step = RunDir(folder), f"evaluate/champion={champion}"
    views, scores = (run.table(step, name) for name in ("page_views.parquet", "scores.parquet"))
    assert {"slice_country", "slice_context_popularity_28d", "champion_unseen"} <= set(
        views.columns
    )
    assert set(views["cluster"]) <= set(scores["cluster"])
    assert set(said["calibration"]) == {"challenger", "champion"}
    rows = sum(each["rows"] for each in said["calibration"]["challenger"]["bins"])
    metrics = said["metrics"]["challenger"]
    assert rows == pytest.approx(metrics["impressions"] * (1 - metrics["fallback_share"]), abs=1)
    assert said["coverage"]["challenger"] <= said["coverage"]["catalogue"]
    assert set(said["latency_s"]) == {"challenger"}  # that champion's model is not registered
    assert said["latency_s"]["challenger"] > 0
