"""Training: seeded, stopped early, stored as UBJ, and only from what the data set wrote."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from made_runs import finish, make_run, rows
from made_shop import MODEL, Shop

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ManifestInvalid, WindowEmpty
from evergreen.trainer.fit import matrix, train
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.scoring import load_booster, rank_candidates

FEATURES = ("price", "co_28d")
SPEC = ModelSpec.model_validate(
    {
        "model": MODEL,
        "description": "",
        "owner": "",
        "features": {"numeric": list(FEATURES)},
        "train": {"rounds": 40, "params": {"min_child_weight": 1, "nthread": 1}},
    }
)


def made(tmp_path: Path, train_rows: pl.DataFrame, valid_rows: pl.DataFrame) -> RunDir:
    run = make_run(tmp_path, SPEC)
    finish(run, "build_dataset", {}, train=train_rows, valid=valid_rows)
    return run


def digest(folder: str) -> str:
    return hashlib.sha256(
        Path(RunDir(folder).path("train/full", "model.ubj")).read_bytes()
    ).hexdigest()


def test_the_model_is_ubj_with_the_specs_features(trained: tuple[Shop, str]) -> None:
    shop, folder = trained
    said = RunDir(folder).require("train/full")
    path = Path(RunDir(folder).path("train/full", "model.ubj"))
    assert path.read_bytes()[:1] == b"{"  # UBJSON's object; a pickle begins with 0x80
    booster = load_booster(path)
    assert tuple(booster.feature_names or ()) == shop.spec.features.names
    assert booster.num_boosted_rounds() == said["rounds"] < 30  # it stopped early
    assert said["params"]["objective"] == "binary:logistic"
    assert said["params"]["max_depth"] == 3
    assert (said["variant"], set(said["gain"]) - set(shop.spec.features.names)) == ("full", set())


def test_the_logloss_is_the_validation_rows(trained: tuple[Shop, str]) -> None:
    from sklearn.metrics import log_loss

    run = RunDir(trained[1])
    names = trained[0].spec.features.names
    valid = run.table("build_dataset", "valid.parquet")
    booster = load_booster(Path(RunDir(trained[1]).path("train/full", "model.ubj")))
    score = booster.predict(xgb.DMatrix(matrix(valid, names), feature_names=list(names)))
    wanted = log_loss(valid["label"], score.astype(float), sample_weight=valid["weight"])
    assert run.require("train/full")["valid_logloss"] == pytest.approx(wanted, abs=2e-6)


def test_the_same_seed_gives_the_same_bytes(trained: tuple[Shop, str], tmp_path: Path) -> None:
    shop = trained[0].copy(tmp_path / "again")
    folder = f"{shop.settings.runs_root(MODEL)}/{Path(trained[1]).name}"
    shutil.rmtree(Path(folder, "train", "full"))
    train(folder, "full")
    assert digest(folder) == digest(trained[1])


def test_a_finished_step_returns_what_it_found(trained: tuple[Shop, str]) -> None:
    path = Path(RunDir(trained[1]).path("train/full", "model.ubj"))
    before = (path.stat().st_mtime_ns, digest(trained[1]))
    assert train(trained[1], "full") == RunDir(trained[1]).require("train/full")
    assert (path.stat().st_mtime_ns, digest(trained[1])) == before


@pytest.mark.parametrize(("count", "clicks"), [(0, 0), (10, 0), (10, 10)])
@pytest.mark.parametrize("part", ["train", "valid"])
def test_labels_of_one_kind(tmp_path: Path, part: str, count: int, clicks: int) -> None:
    good, bad = rows(40, 10, FEATURES), rows(count, clicks, FEATURES)
    run = made(tmp_path, *((bad, good) if part == "train" else (good, bad)))
    words = rf"^{count} {part} rows with {clicks} clicks: both clicked and unclicked rows are need"
    with pytest.raises(WindowEmpty, match=words):
        train(run.url, "full")
    assert run.result("train/full") is None


def test_missing_values_are_learned_from(tmp_path: Path) -> None:
    some = rows(200, 100, FEATURES).with_columns(
        co_28d=pl.when(pl.col("label") == 1).then(None).otherwise("co_28d"),
        price=pl.when(pl.int_range(pl.len()) == 5).then(float("nan")).otherwise(0.0),
    )
    run = made(tmp_path, some, some)
    assert train(run.url, "full")["valid_logloss"] < 0.2
    booster = load_booster(Path(run.path("train/full", "model.ubj")))
    missing = np.array([[0, np.nan], [0, 150.0]], dtype=np.float32)
    scores = booster.predict(xgb.DMatrix(missing, feature_names=list(FEATURES)))
    assert scores[0] > 0.8 > 0.2 > scores[1]


def test_without_a_data_set(tmp_path: Path) -> None:
    run = make_run(tmp_path, SPEC)
    with pytest.raises(ManifestInvalid, match=r"run `evergreen step build_dataset --run-dir "):
        train(run.url, "full")


def test_a_damaged_data_set_is_refused(tmp_path: Path) -> None:
    good = rows(40, 10, FEATURES)
    run = made(tmp_path, good, good)
    good.head(39).write_parquet(run.path("build_dataset", "train.parquet"))
    with pytest.raises(ManifestInvalid, match=r"train.parquet is not the file that the step wrote"):
        train(run.url, "full")


def test_lists_are_ranked_by_score_and_ties_stay_in_order(tmp_path: Path) -> None:
    run = made(tmp_path, rows(40, 10, FEATURES), rows(40, 10, FEATURES))
    train(run.url, "full")
    booster = load_booster(Path(run.path("train/full", "model.ubj")))
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
