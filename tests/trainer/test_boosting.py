"""Boosting by batches, on disk, and on from another model: the same trees wherever the rows lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from sklearn.metrics import log_loss

from evergreen.trainer.batches import matrix, scan_rows
from evergreen.trainer.boosting import Boosted, boost, open_matrices

FEATURES = ("x", "y", "z")
PARAMS: dict[str, Any] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_bin": 32,
    "max_depth": 3,
    "eta": 0.3,
    "seed": 7,
    "nthread": 1,
}


def made(count: int, seed: int, slope: float = 0.5) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((count, 3)).astype(np.float32)
    chance = 1 / (1 + np.exp(-values[:, 0] - slope * values[:, 1]))
    label = (rng.random(count) < chance).astype(np.int8)
    body = dict(zip(FEATURES, values.T, strict=True))
    return pl.DataFrame({"label": label, **body, "weight": rng.random(count) + 0.1})


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    made(3_000, 1).write_parquet(tmp_path / "train.parquet")
    made(1_000, 2).write_parquet(tmp_path / "valid.parquet")
    return tmp_path / "train.parquet", tmp_path / "valid.parquet"


def boosted(
    paths: tuple[Path, Path],
    batch_rows: int,
    cache: Path | None = None,
    base: xgb.Booster | None = None,
    **more: Any,
) -> Boosted:
    rows = (scan_rows(path, batch_rows=batch_rows) for path in paths)
    matrices = open_matrices(
        *rows, FEATURES, max_bin=PARAMS["max_bin"], cache=cache, raw=base is not None
    )
    return boost({**PARAMS, **more}, matrices, rounds=40, early_stopping_rounds=5, base=base)


def trees(booster: xgb.Booster) -> list[str]:
    return booster.get_dump(with_stats=True)


def scores(booster: xgb.Booster, path: Path) -> np.ndarray:
    values = matrix(pl.read_parquet(path), FEATURES)
    return booster.predict(xgb.DMatrix(values, feature_names=list(FEATURES)))


def exact_loss(booster: xgb.Booster, path: Path) -> float:
    rows = pl.read_parquet(path)
    score = scores(booster, path).astype(float)
    return float(log_loss(rows["label"], score, sample_weight=rows["weight"]))


def test_the_batch_size_changes_nothing(paths: tuple[Path, Path]) -> None:
    one, *others = [boosted(paths, size) for size in (3_000, 700, 64)]
    for other in others:
        assert bytes(other.booster.save_raw()) == bytes(one.booster.save_raw())
        assert other.loss == one.loss


def test_batches_are_the_whole_matrix(paths: tuple[Path, Path]) -> None:
    """Against XGBoost on one array."""
    rows = pl.read_parquet(paths[0])
    weight = rows["weight"].to_numpy()
    whole = xgb.QuantileDMatrix(
        matrix(rows, FEATURES),
        rows["label"].to_numpy(),
        weight=(weight / np.float32(weight.mean())).astype(np.float32),
        feature_names=list(FEATURES),
        max_bin=PARAMS["max_bin"],
    )
    found = boosted(paths, 512)
    bare = xgb.train(PARAMS, whole, num_boost_round=found.booster.num_boosted_rounds())
    assert trees(found.booster) == trees(bare)


def test_pages_on_disk_give_the_same_model(paths: tuple[Path, Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    on_disk, in_memory = boosted(paths, 512, cache), boosted(paths, 512)
    assert on_disk.booster.num_boosted_rounds() == in_memory.booster.num_boosted_rounds()
    np.testing.assert_allclose(
        scores(on_disk.booster, paths[1]), scores(in_memory.booster, paths[1]), atol=1e-5
    )
    assert on_disk.loss == pytest.approx(in_memory.loss, abs=1e-6)
    assert list(cache.iterdir()) == []


def test_pages_lie_on_disk_while_it_trains(paths: tuple[Path, Path], tmp_path: Path) -> None:
    rows = [scan_rows(path, batch_rows=512) for path in paths]
    matrices = open_matrices(*rows, FEATURES, max_bin=32, cache=tmp_path)
    pages = sorted(path.name.partition("-")[0] for path in tmp_path.glob("*.page"))
    assert pages == ["train", "valid"]
    assert matrices.train.num_row() == 3_000


def test_it_keeps_the_best_rounds_and_says_their_loss(paths: tuple[Path, Path]) -> None:
    found = boosted(paths, 512)
    assert found.booster.num_boosted_rounds() < 40
    assert found.loss == pytest.approx(exact_loss(found.booster, paths[1]), abs=1e-6)
    assert found.base_loss is None


def test_another_metric_only_decides_when_to_stop(paths: tuple[Path, Path]) -> None:
    found = boosted(paths, 512, eval_metric="auc")
    assert found.loss == pytest.approx(exact_loss(found.booster, paths[1]), abs=1e-6)


@pytest.mark.parametrize("on_disk", [False, True])
def test_going_on_keeps_the_bases_trees_first(
    paths: tuple[Path, Path], tmp_path: Path, on_disk: bool
) -> None:
    """The base knows `x` only, and splits where no bin of these rows ends."""
    other = made(2_000, 3, slope=0.0)
    base = xgb.train(
        {**PARAMS, "max_bin": 256},
        xgb.DMatrix(matrix(other, FEATURES), other["label"], feature_names=list(FEATURES)),
        num_boost_round=7,
    )
    before = trees(base)
    cache = tmp_path / "cache"
    cache.mkdir()
    found = boosted(paths, 512, cache if on_disk else None, base)
    assert trees(found.booster)[:7] == before == trees(base)
    assert 7 < found.booster.num_boosted_rounds() < 47
    assert found.loss == pytest.approx(exact_loss(found.booster, paths[1]), abs=1e-6)
    assert found.base_loss == pytest.approx(exact_loss(base, paths[1]), abs=1e-6)
    assert found.base_loss is not None
    assert found.loss < found.base_loss
    best = json.loads(found.booster.save_config())["learner"]["gradient_booster"]
    assert best["name"] == "gbtree"
    assert list(cache.iterdir()) == []
