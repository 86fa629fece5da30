"""Training: seeded, stopped early, stored as UBJ, and only from what the data set wrote."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from made_runs import Versions, finish, make_run, rows
from made_shop import MODEL, Shop

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import GpuMissing, ManifestInvalid, WindowEmpty
from evergreen.trainer.batches import matrix
from evergreen.trainer.fit import train
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.scoring import load_booster, rank_candidates

FEATURES = ("price", "co_28d")
SPEC = ModelSpec.model_validate(
    {
        "model": MODEL,
        "description": "",
        "owner": "",
        "features": {"numeric": list(FEATURES)},
        "train": {
            "variants": ["full_28d"],
            "rounds": 40,
            "params": {"min_child_weight": 1, "nthread": 1},
        },
    }
)


def made(tmp_path: Path, train_rows: pl.DataFrame, valid_rows: pl.DataFrame) -> RunDir:
    run = make_run(tmp_path, SPEC)
    finish(run, "build_dataset", {}, train=train_rows, valid=valid_rows)
    return run


def digest(folder: str) -> str:
    return hashlib.sha256(
        Path(RunDir(folder).path("train/full_28d", "model.ubj")).read_bytes()
    ).hexdigest()


def test_the_model_is_ubj_with_the_specs_features(trained: tuple[Shop, str]) -> None:
    shop, folder = trained
    said = RunDir(folder).require("train/full_28d")
    path = Path(RunDir(folder).path("train/full_28d", "model.ubj"))
    assert path.read_bytes()[:1] == b"{"  # UBJSON's object; a pickle begins with 0x80
    booster = load_booster(path)
    assert tuple(booster.feature_names or ()) == shop.spec.features.names
    assert booster.num_boosted_rounds() == said["rounds"] < 30  # it stopped early
    assert said["params"]["objective"] == "binary:logistic"
    assert said["params"]["max_depth"] == 3
    assert (said["variant"], set(said["gain"]) - set(shop.spec.features.names)) == (
        "full_28d",
        set(),
    )


def test_the_logloss_is_the_validation_rows(trained: tuple[Shop, str]) -> None:
    from sklearn.metrics import log_loss

    run = RunDir(trained[1])
    names = trained[0].spec.features.names
    valid = run.table("build_dataset", "valid.parquet")
    booster = load_booster(Path(RunDir(trained[1]).path("train/full_28d", "model.ubj")))
    score = booster.predict(xgb.DMatrix(matrix(valid, names), feature_names=list(names)))
    wanted = log_loss(valid["label"], score.astype(float), sample_weight=valid["weight"])
    assert run.require("train/full_28d")["valid_logloss"] == pytest.approx(wanted, abs=2e-6)


def test_the_same_seed_gives_the_same_bytes(trained: tuple[Shop, str], tmp_path: Path) -> None:
    shop = trained[0].copy(tmp_path / "again")
    folder = f"{shop.settings.runs_root(MODEL)}/{Path(trained[1]).name}"
    shutil.rmtree(Path(folder, "train", "full_28d"))
    train(folder, "full_28d")
    assert digest(folder) == digest(trained[1])


def test_a_finished_step_returns_what_it_found(trained: tuple[Shop, str]) -> None:
    path = Path(RunDir(trained[1]).path("train/full_28d", "model.ubj"))
    before = (path.stat().st_mtime_ns, digest(trained[1]))
    assert train(trained[1], "full_28d") == RunDir(trained[1]).require("train/full_28d")
    assert (path.stat().st_mtime_ns, digest(trained[1])) == before


@pytest.mark.parametrize(("count", "clicks"), [(0, 0), (10, 0), (10, 10)])
@pytest.mark.parametrize("part", ["train", "valid"])
def test_labels_of_one_kind(tmp_path: Path, part: str, count: int, clicks: int) -> None:
    good, bad = rows(40, 10, FEATURES), rows(count, clicks, FEATURES)
    run = made(tmp_path, *((bad, good) if part == "train" else (good, bad)))
    words = rf"^{count} {part} rows with {clicks} clicks: both clicked and unclicked rows are need"
    with pytest.raises(WindowEmpty, match=words):
        train(run.url, "full_28d")
    assert run.result("train/full_28d") is None


def test_missing_values_are_learned_from(tmp_path: Path) -> None:
    some = rows(200, 100, FEATURES).with_columns(
        co_28d=pl.when(pl.col("label") == 1).then(None).otherwise("co_28d"),
        price=pl.when(pl.int_range(pl.len()) == 5).then(float("nan")).otherwise(0.0),
    )
    run = made(tmp_path, some, some)
    assert train(run.url, "full_28d")["valid_logloss"] < 0.2
    booster = load_booster(Path(run.path("train/full_28d", "model.ubj")))
    missing = np.array([[0, np.nan], [0, 150.0]], dtype=np.float32)
    scores = booster.predict(xgb.DMatrix(missing, feature_names=list(FEATURES)))
    assert scores[0] > 0.8 > 0.2 > scores[1]


VALIDATION = datetime(2011, 4, 8, tzinfo=UTC)
BUILT = {"validation_start": VALIDATION.isoformat()}


def timed(count: int, seed: int, hours: float = 24 * 14) -> pl.DataFrame:
    """Rows of the last hours before validation, in their order; the price decides."""
    rng = np.random.default_rng(seed)
    price, other = rng.standard_normal((2, count)).astype(np.float32)
    age = np.linspace(hours, hours / count, count)
    return pl.DataFrame(
        {
            "event_time": [VALIDATION - timedelta(hours=float(h)) for h in age],
            "label": (rng.random(count) < 1 / (1 + np.exp(-2 * price))).astype(np.int8),
            "price": price,
            "co_28d": other,
            "weight": np.ones(count, dtype=np.float32),
        }
    )


def varied(folder: Path, key: str = "k", base: int | None = None, **more: Any) -> RunDir:
    """A run with 14 days of rows, 100 a day, and what its spec and manifest say besides."""
    spec = SPEC.model_copy(update={"train": SPEC.train.model_copy(update=more)})
    run = make_run(folder, spec, key)
    if base is not None:
        body = {**run.manifest(), "base": {"version": base, "as_of": "2011-04-17T00:00:00+00:00"}}
        run.files.write_atomic("manifest.json", json.dumps(body).encode())
    finish(run, "build_dataset", BUILT, train=timed(1_400, 1), valid=timed(400, 2, 1))
    return run


def test_a_variant_learns_from_its_own_rows(tmp_path: Path) -> None:
    run = varied(tmp_path, min_rows=100)
    said = {name: train(run.url, name) for name in ("full_28d", "recent_7d")}
    assert {name: found["train_rows"] for name, found in said.items()} == {
        "full_28d": 1_400,
        "recent_7d": 700,
    }
    assert said["full_28d"]["valid_rows"] == said["recent_7d"]["valid_rows"] == 400


def test_a_variant_that_is_skipped_succeeds_with_its_reason(tmp_path: Path) -> None:
    run = varied(tmp_path, min_rows=701)
    wanted = {"variant": "recent_7d", "skipped": "700 training rows, 701 are needed"}
    assert train(run.url, "recent_7d") == wanted == run.require("train/recent_7d")
    with pytest.raises(ManifestInvalid, match="is not the file that the step wrote"):
        run.fetch("train/recent_7d", "model.ubj", tmp_path / "model.ubj")


def champion(folder: Path) -> tuple[Versions, RunDir]:
    """Version 1, trained on a window whose clicks do not depend on the price."""
    run = make_run(folder, SPEC, "first")
    dull = timed(1_400, 3).with_columns(label=pl.Series([0, 0, 0, 1] * 350, dtype=pl.Int8))
    finish(run, "build_dataset", BUILT, train=dull, valid=dull)
    train(run.url, "full_28d")
    registry = Versions(folder / "versions")
    registry.register(
        MODEL,
        run_key="first",
        booster_file=Path(run.path("train/full_28d", "model.ubj")),
        features=FEATURES,
        params={},
        metrics={},
        artifacts={"manifest.json": _written(folder, run)},
        tags={},
    )
    return registry, run


def _written(folder: Path, run: RunDir) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps(run.manifest()))
    return path


def test_fresh_goes_on_from_the_champion(tmp_path: Path) -> None:
    registry, first = champion(tmp_path)
    run = varied(tmp_path, base=1, min_rows=100)
    said = train(run.url, "fresh_24h", registry=registry)
    assert (said["continued_from"], said["train_rows"]) == (1, 100)
    assert said["valid_logloss"] < said["base_valid_logloss"]
    models = [
        load_booster(Path(found.path(f"train/{variant}", "model.ubj"))).get_dump()
        for found, variant in ((first, "full_28d"), (run, "fresh_24h"))
    ]
    assert models[1][: len(models[0])] == models[0]
    assert len(models[1]) == said["rounds"] > len(models[0])


def test_fresh_that_learns_nothing_more_is_skipped(tmp_path: Path) -> None:
    registry, _ = champion(tmp_path)
    run = make_run(tmp_path, SPEC, "k")
    body = {**run.manifest(), "base": {"version": 1, "as_of": "2011-04-17T00:00:00+00:00"}}
    run.files.write_atomic("manifest.json", json.dumps(body).encode())
    turned = timed(1_400, 1, 24).with_columns(label=1 - pl.col("label"))
    finish(run, "build_dataset", BUILT, train=turned, valid=timed(400, 2, 1))
    said = train(run.url, "fresh_24h", registry=registry)
    assert said["skipped"].startswith("no round more lowers the validation loss of version 1, 0.")


def test_fresh_without_a_champion_and_without_a_registry(tmp_path: Path) -> None:
    run = varied(tmp_path)
    with pytest.raises(ValueError, match="train needs the registry"):
        train(run.url, "fresh_24h")
    registry = Versions(tmp_path / "versions")
    assert train(run.url, "fresh_24h", registry=registry)["skipped"].startswith("no champion")


def test_more_rows_than_memory_is_meant_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    at_most, above = (
        varied(tmp_path, key, external_memory_above=rows, batch_rows=300)
        for key, rows in (("in", 1_400), ("out", 1_399))
    )
    said = [train(run.url, "full_28d") for run in (at_most, above)]
    assert [found["external_memory"] for found in said] == [False, True]
    assert said[0]["valid_logloss"] == pytest.approx(said[1]["valid_logloss"], abs=2e-6)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_scratch_is_removed_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    run = varied(
        tmp_path, external_memory_above=0, batch_rows=300, params={"max_depth": "no number"}
    )
    with pytest.raises(xgb.core.XGBoostError, match="max_depth"):
        train(run.url, "full_28d")
    assert list((tmp_path / "scratch").iterdir()) == []
    assert run.result("train/full_28d") is None


def test_half_life_weighs_the_recent_rows(tmp_path: Path) -> None:
    """The older half of the rows says the opposite; with a half-life of a day it hardly counts."""
    older = VALIDATION - timedelta(days=7)
    flipped = timed(1_400, 1).with_columns(
        label=pl.when(pl.col("event_time") < older)
        .then(1 - pl.col("label"))
        .otherwise("label")
        .cast(pl.Int8)
    )
    losses = {}
    for half_life in (None, timedelta(days=1)):
        spec = SPEC.model_copy(
            update={"train": SPEC.train.model_copy(update={"half_life": half_life})}
        )
        run = make_run(tmp_path, spec, str(half_life))
        finish(run, "build_dataset", BUILT, train=flipped, valid=timed(400, 2, 1))
        losses[half_life] = train(run.url, "full_28d")["valid_logloss"]
    assert losses[timedelta(days=1)] < 0.5 < 0.6 < losses[None]


def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    gpu = SPEC.model_copy(update={"compute": SPEC.compute.model_copy(update={"gpu": 1})})
    run = make_run(tmp_path, gpu)
    finish(run, "build_dataset", BUILT, train=timed(100, 1), valid=timed(100, 2))
    with pytest.raises(GpuMissing, match=r"compute.gpu is 1, but"):
        train(run.url, "full_28d")
    assert run.result("train/full_28d") is None


def test_without_a_data_set(tmp_path: Path) -> None:
    run = make_run(tmp_path, SPEC)
    with pytest.raises(ManifestInvalid, match=r"run `evergreen step build_dataset --run-dir "):
        train(run.url, "full_28d")


def test_a_damaged_data_set_is_refused(tmp_path: Path) -> None:
    good = rows(40, 10, FEATURES)
    run = made(tmp_path, good, good)
    good.head(39).write_parquet(run.path("build_dataset", "train.parquet"))
    with pytest.raises(ManifestInvalid, match=r"train.parquet is not the file that the step wrote"):
        train(run.url, "full_28d")


def test_lists_are_ranked_by_score_and_ties_stay_in_order(tmp_path: Path) -> None:
    run = made(tmp_path, rows(40, 10, FEATURES), rows(40, 10, FEATURES))
    train(run.url, "full_28d")
    booster = load_booster(Path(run.path("train/full_28d", "model.ubj")))
    candidates = pl.DataFrame(
        {
            "context_item_id": ["b", "b", "b", "a"],
            "item_id": ["far", "tie 1", "tie 2", "only"],
            "price": [39.0, 1.0, 1.0, 1.0],
            "co_28d": [39.0, 1.0, 1.0, 1.0],
            "unused": [0, 0, 0, 0],
        }
    )
    ranked = rank_candidates(booster, candidates)
    assert ranked["item_id"].to_list() == ["only", "tie 1", "tie 2", "far"]
    assert ranked["rank"].to_list() == [1, 1, 2, 3]
    assert ranked.columns == ["context_item_id", "item_id", "rank", "score", *FEATURES]
    assert (ranked.schema["rank"], ranked.schema["score"]) == (pl.Int16, pl.Float32)
    assert rank_candidates(booster, candidates.clear()).height == 0
