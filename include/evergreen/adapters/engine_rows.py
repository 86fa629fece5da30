"""Labels, page views and levels of one file, read from Parquet as the codes they are stored in.

Text is dictionary-coded in Parquet. Counting the codes and looking up each dictionary's few values
costs a fraction of decoding a string a row, which is why this part does not go through Polars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from evergreen.adapters.engine_plan import COUNTED, HourFile, open_parquet
from evergreen.adapters.engine_tally import Tally
from evergreen.adapters.lake import Lake
from evergreen.adapters.unread import unread
from evergreen.domain.bins import LevelBins
from evergreen.domain.sketch import POSITIONS

BATCH_ROWS = 262_144
"""Rows that are held at a time: 15 columns of codes are 16 MB."""
OWN, LABELLED, CLICKED = 1, 2, 3
"""How far a row got: each includes the next."""
FEW_BYTES = 64
"""Codes times their width: up to here, comparing with each one is quicker than counting all."""


@dataclass(frozen=True, slots=True)
class Codes:
    """One text column of some rows: the code of each row, len(values) where it is null."""

    at: np.ndarray
    values: pa.Array

    def equal(self, text: str) -> np.ndarray:
        """Return which rows hold this text."""
        found: np.ndarray = self.at == pc.index(self.values, text).as_py()  # -1: in no row
        return found

    def count_without(self, rows: np.ndarray) -> np.ndarray:
        """Return rows of each code but for these rows, [len(values) + 1], the nulls last."""
        size = len(self.values) + 1
        counts: np.ndarray = _count(self.at, size) - _count(self.at[rows], size)
        return counts


def count_rows(
    lake: Lake, file: HourFile, levels: Mapping[str, LevelBins], version: str | None, tally: Tally
) -> np.ndarray:
    """Add a file's labels, page views and levels to its hour's tally.

    Returns:
        Positions of the rows that this version's model did not serve.

    Raises:
        FileCorrupt: the file's pages cannot be read.
    """
    columns = [*dict.fromkeys((*COUNTED, *levels))]
    own = [lake.own_name(column) for column in columns]
    known = {name: _Known(bins) for name, bins in levels.items()}
    left_out, first = [np.zeros(0, dtype=np.uint32)], 0
    try:
        with open_parquet(file.uri, metadata=file.metadata, read_dictionary=own) as parquet:
            for group in range(file.metadata.num_row_groups):  # a dictionary ends with its group
                for batch in parquet.iter_batches(
                    BATCH_ROWS, row_groups=[group], columns=own, use_threads=False
                ):
                    rows = {c: batch.column(o) for c, o in zip(columns, own, strict=True)}
                    out = _count_batch(rows, known, version, tally)
                    left_out.append((out + first).astype(np.uint32))
                    first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise unread(file.uri, error) from None
    return np.concatenate(left_out)


class _Known:
    """The levels that have a bin, to look up a dictionary's values."""

    def __init__(self, bins: LevelBins) -> None:
        self.size, other = bins.size, len(bins.groups)
        names = pl.Series(list(bins.bin_of), dtype=pl.String)
        self._names = names.to_arrow().cast(pa.string())  # pa.array would import pandas
        self._bins = np.array([*bins.bin_of.values(), other], dtype=np.int64)

    def count(self, counts: np.ndarray, values: pa.Array) -> np.ndarray:
        """Return rows in each bin of rows of each code."""
        at = _int32(pc.index_in(values, self._names), len(self._names))
        bins = np.append(self._bins[at], self.size - 1)
        return np.bincount(bins, weights=counts, minlength=self.size).astype(np.int64)


def _count_batch(
    rows: Mapping[str, pa.Array], levels: Mapping[str, _Known], version: str | None, tally: Tally
) -> np.ndarray:
    codes = {name: _codes(rows[name]) for name in {"source", "page_view_id", *levels}}
    source = codes["source"]
    own = np.ones(source.at.size, dtype=bool)
    if version is not None:
        own = _codes(rows["model_version"]).equal(version)
    stage = _stages(rows["clicked"], own)
    at = _counts_by_stage(_positions(rows["position"]), POSITIONS + 1, stage)
    tally.impressions += (impressions := int(np.count_nonzero(own)))
    tally.other_versions += own.size - impressions
    tally.fallback += int(np.count_nonzero(own & source.equal("fallback")))
    tally.labelled += int(at[:, LABELLED].sum())
    tally.clicks += int(at[:, CLICKED].sum())
    tally.labelled_at += at[1:, LABELLED]
    tally.clicks_at += at[1:, CLICKED]
    _add_views(codes["page_view_id"], stage, tally)
    others = np.flatnonzero(~own)
    left_out = np.flatnonzero(~(own & source.equal("model")))
    for name, known in levels.items():
        out = others if name == "source" else left_out
        tally.add_bins(name, known.count(codes[name].count_without(out), codes[name].values))
    return left_out


def _codes(column: pa.Array) -> Codes:
    if not (pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type)):
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        column = column.cast(pa.string()).dictionary_encode()
    values = column.dictionary
    return Codes(_int32(column.indices.cast(pa.int32()), len(values)), values)


def _int32(column: pa.Array, null: int) -> np.ndarray:
    """Return the numbers, mostly without a copy, `null` where there is none."""
    whole = column.fill_null(null) if column.null_count else column
    return np.frombuffer(whole.buffers()[1], np.int32, count=len(whole), offset=4 * whole.offset)


def _series(column: pa.Array) -> pl.Series:
    """Return an array as Polars' own; Arrow's way to NumPy would import pandas, which is 50 MB."""
    return pl.Series(pl.from_arrow(column))


def _filled(series: pl.Series, value: int) -> np.ndarray:
    return (series.fill_null(value) if series.null_count() else series).to_numpy()


def _stages(clicked: pa.Array, own: np.ndarray) -> np.ndarray:
    """Return how far each row got: OWN, LABELLED or CLICKED, 0 where it is another version's."""
    labels = _series(clicked).cast(pl.Boolean)
    stage: np.ndarray = own.view(np.int8) + (own & _filled(labels, value=False))
    stage += own & labels.is_not_null().to_numpy() if labels.null_count() else own
    return stage


def _positions(position: pa.Array) -> np.ndarray:
    """Return 1 to POSITIONS; 0 where the position is null or below 1."""
    whole = _series(position)
    at = _filled(whole if whole.dtype.is_integer() else whole.cast(pl.Int8), 0)
    known: np.ndarray = np.clip(at, 0, POSITIONS).astype(np.int8)
    return known


def _add_views(views: Codes, stage: np.ndarray, tally: Tally) -> None:
    counts = _counts_by_stage(views.at, len(views.values) + 1, stage)[:-1]  # the last have no view
    seen = np.flatnonzero(counts[:, OWN])
    ids = _series(views.values).cast(pl.String).hash().to_numpy()
    tally.add_views(ids[seen], counts[seen, LABELLED], counts[seen, CLICKED])


def _counts_by_stage(codes: np.ndarray, size: int, stage: np.ndarray) -> np.ndarray:
    """Return rows of each code that got at least so far, [size, 4]."""
    both = np.left_shift(codes, 2, dtype=np.int32)
    both += stage
    exact = np.bincount(both, minlength=4 * size).reshape(size, 4)
    counts: np.ndarray = exact[:, ::-1].cumsum(axis=1)[:, ::-1]
    return counts


def _count(codes: np.ndarray, size: int) -> np.ndarray:
    if size * codes.itemsize > FEW_BYTES:
        counts: np.ndarray = np.bincount(codes, minlength=size)
        return counts
    each = [np.count_nonzero(codes == code) for code in range(size)]
    return np.array(each, dtype=np.int64)
