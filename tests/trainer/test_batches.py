"""What XGBoost is handed: every row once, whatever the batch, with weights of mean 1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergreen.trainer.batches import Batches, Decay, matrix, scan_rows

END = datetime(2011, 4, 10, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = pl.DataFrame(
    {
        "event_time": [END - (10 - i) * DAY for i in range(10)],
        "label": [0, 1] * 5,
        "b": [float(i) for i in range(10)],
        "a": [None, *(float(-i) for i in range(1, 10))],
        "weight": [0.5] * 5 + [1.5] * 5,
    }
).cast({"event_time": pl.Datetime("us", "UTC"), "label": pl.Int8, "weight": pl.Float32})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ROWS.write_parquet(tmp_path / "rows.parquet", row_group_size=4)
    return tmp_path / "rows.parquet"


def handed(batches: Batches) -> list[dict[str, Any]]:
    """What a pass of XGBoost gets."""
    got: list[dict[str, Any]] = []
    batches.reset()
    while batches.next(lambda **body: got.append(body)):
        pass
    return got


def whole(got: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.concatenate([body[name] for body in got])


@pytest.mark.parametrize(("batch_rows", "sizes"), [(1, [1] * 10), (3, [3, 3, 3, 1]), (99, [10])])
def test_every_row_once(path: Path, batch_rows: int, sizes: list[int]) -> None:
    rows = scan_rows(path, batch_rows=batch_rows)
    assert (rows.count, rows.clicks, rows.mean_weight, rows.one_kind) == (10, 5, 1.0, False)
    batches = Batches(rows, ("a", "b"))
    for _ in range(2):  # XGBoost comes back
        got = handed(batches)
        assert [len(body["label"]) for body in got] == sizes
        assert whole(got, "data")[:, 1].tolist() == list(range(10))
        assert np.isnan(whole(got, "data")[0, 0])
        assert whole(got, "label").tolist() == [0, 1] * 5
        assert whole(got, "weight").tolist() == [0.5] * 5 + [1.5] * 5
        assert got[0]["feature_names"] == ["a", "b"]
        assert (got[0]["data"].dtype, got[0]["weight"].dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("batch_rows", [1, 4, 99])
def test_only_rows_since(path: Path, batch_rows: int) -> None:
    rows = scan_rows(path, batch_rows=batch_rows, since=END - 3 * DAY)
    assert (rows.first, rows.count, rows.clicks, rows.mean_weight) == (7, 3, 2, 1.5)
    got = handed(Batches(rows, ("b",)))
    assert whole(got, "data")[:, 0].tolist() == [7, 8, 9]
    assert whole(got, "weight").tolist() == [1, 1, 1]


def test_no_row_since(path: Path) -> None:
    rows = scan_rows(path, batch_rows=4, since=END)
    assert (rows.count, rows.clicks, rows.one_kind) == (0, 0, True)
    assert handed(Batches(rows, ("b",))) == []


@pytest.mark.parametrize("batch_rows", [1, 4, 99])
def test_weights_halve_with_age(path: Path, batch_rows: int) -> None:
    """Ages of 3, 2 and 1 days, half-life 1 day: 1.5 / 8, 1.5 / 4, 1.5 / 2, of mean 0.4375."""
    decay = Decay(half_life=DAY, until=END)
    rows = scan_rows(path, batch_rows=batch_rows, since=END - 3 * DAY, decay=decay)
    assert rows.mean_weight == 0.4375
    weight = whole(handed(Batches(rows, ("b",))), "weight")
    assert weight.tolist() == pytest.approx([3 / 7, 6 / 7, 12 / 7])


def test_how_far_the_reading_is(path: Path) -> None:
    told: list[tuple[int, int]] = []
    batches = Batches(
        scan_rows(path, batch_rows=4), ("b",), told=lambda rows, number: told.append((rows, number))
    )
    handed(batches)
    handed(batches)
    assert told == [(4, 1), (8, 1), (10, 1), (4, 2), (8, 2), (10, 2)]


def test_batches_go_to_the_device(path: Path) -> None:
    moved: list[int] = []

    def to_device(array: np.ndarray) -> np.ndarray:
        moved.append(array.ndim)
        return array

    handed(Batches(scan_rows(path, batch_rows=99), ("b",), to_device=to_device))
    assert moved == [2, 1, 1]


def test_features_in_the_order_that_is_asked_for() -> None:
    found = matrix(ROWS.head(2), ("b", "a"))
    assert found[1].tolist() == [1.0, -1.0]
    assert np.isnan(found[0, 1])
    assert found.dtype == np.float32
