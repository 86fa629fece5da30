"""Rows that come in parts become a file of whole row groups, in their order."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from evergreen.trainer.row_writer import RowWriter

ROWS = pl.DataFrame({"at": range(23), "x": [i / 2 for i in range(23)]})


def group_sizes(path: Path) -> list[int]:
    meta = pq.ParquetFile(path).metadata
    return [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]


@pytest.mark.parametrize("cuts", [[23], [1, 22], [4, 4, 4, 11], [0, 9, 0, 14], [5, 5, 5, 5, 3]])
def test_the_groups_do_not_depend_on_the_parts(tmp_path: Path, cuts: list[int]) -> None:
    at = 0
    with RowWriter(tmp_path / "rows.parquet", group_rows=5) as file:
        for cut in cuts:
            file.add(ROWS.slice(at, cut))
            at += cut
    assert (at, file.rows) == (23, 23)
    assert group_sizes(tmp_path / "rows.parquet") == [5, 5, 5, 5, 3]
    assert pl.read_parquet(tmp_path / "rows.parquet").equals(ROWS)


def test_no_rows_are_a_file_with_columns(tmp_path: Path) -> None:
    with RowWriter(tmp_path / "rows.parquet", group_rows=5) as file:
        file.add(ROWS.clear())
    assert pl.read_parquet(tmp_path / "rows.parquet").equals(ROWS.clear())


def test_an_error_is_not_hidden(tmp_path: Path) -> None:
    file = RowWriter(tmp_path / "rows.parquet", group_rows=50)
    with pytest.raises(pl.exceptions.ColumnNotFoundError), file:
        file.add(ROWS.select("missing"))
    assert not (tmp_path / "rows.parquet").exists()
