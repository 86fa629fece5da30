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

from evergreen.adapters.engine_plan import COUNTED, HourFile, corrupt, open_parquet
from evergreen.adapters.engine_tally import Tally
from evergreen.adapters.lake import Lake
from evergreen.domain.bins import LevelBins
from evergreen.domain.sketch import POSITIONS

BATCH_ROWS = 262_144
"""Rows that are held at a time: 15 columns of codes are 16 MB."""
FEW_BYTES = 64
"""Codes times their width: up to here, comparing with each one is quicker than counting all."""


@dataclass(frozen=True, slots=True)
class Codes:
    """One text column of some rows: the code of each row, len(values) where it is null."""

    at: np.ndarray
    values: pa.Array

    def equal(self, text: str) -> np.ndarray:
        """Return which rows hold this text."""
        code = _series(self.values).cast(pl.String).index_of(text)
        found: np.ndarray = self.at == (len(self.values) + 1 if code is None else code)
        return found

    def count(self) -> np.ndarray:
        """Return rows of each code, [len(values) + 1], the nulls last."""
        return _count(self.at, len(self.values) + 1)


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
        raise corrupt(file.uri, error) from None
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
        at = _filled(_series(pc.index_in(values, self._names)), len(self._names))
        bins = np.append(self._bins[at], self.size - 1)
        return np.bincount(bins, weights=counts, minlength=self.size).astype(np.int64)


def _count_batch(
    rows: Mapping[str, pa.Array], levels: Mapping[str, _Known], version: str | None, tally: Tally
) -> np.ndarray:
    source, views = _codes(rows["source"]), _codes(rows["page_view_id"])
    own = np.ones(source.at.size, dtype=bool)
    if version is not None:
        own = _codes(rows["model_version"]).equal(version)
    labelled, clicked = _labels(rows["clicked"], own)
    tally.impressions += int(own.sum())
    tally.other_versions += int(own.size - own.sum())
    tally.fallback += int((own & source.equal("fallback")).sum())
    tally.labelled += int(labelled.sum())
    tally.clicks += int(clicked.sum())
    at = _positions(rows["position"])
    tally.labelled_at += _count_where(at, labelled, POSITIONS + 1)[1:]
    tally.clicks_at += _count_where(at, clicked, POSITIONS + 1)[1:]
    _add_views(views, own, labelled, clicked, tally)
    others = np.flatnonzero(~own)
    left_out = np.flatnonzero(~(own & source.equal("model")))
    for name, known in levels.items():
        codes = _codes(rows[name])
        out = Codes(codes.at[others if name == "source" else left_out], codes.values)
        tally.add_bins(name, known.count(codes.count() - out.count(), codes.values))
    return left_out


def _codes(column: pa.Array) -> Codes:
    if not (pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type)):
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        column = column.cast(pa.string()).dictionary_encode()
    return Codes(_filled(_series(column.indices), len(column.dictionary)), column.dictionary)


def _series(column: pa.Array) -> pl.Series:
    """Return an array as Polars' own; Arrow's way to NumPy would import pandas, which is 50 MB."""
    return pl.Series(pl.from_arrow(column))


def _filled(series: pl.Series, value: int) -> np.ndarray:
    return (series.fill_null(value) if series.null_count() else series).to_numpy()


def _labels(clicked: pa.Array, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the version's rows are labelled, and which are clicks."""
    labels = _series(clicked).cast(pl.Boolean)
    known = own & labels.is_not_null().to_numpy() if labels.null_count() else own
    return known, known & labels.fill_null(value=False).to_numpy()


def _positions(position: pa.Array) -> np.ndarray:
    """Return 1 to POSITIONS; 0 where the position is null or below 1."""
    whole = _series(position)
    at = _filled(whole if whole.dtype.is_integer() else whole.cast(pl.Int8), 0)
    known: np.ndarray = np.clip(at, 0, POSITIONS).astype(np.int8)
    return known


def _add_views(
    views: Codes, own: np.ndarray, labelled: np.ndarray, clicked: np.ndarray, tally: Tally
) -> None:
    size = len(views.values) + 1
    n, c = (
        np.bincount(views.at[labelled], minlength=size),
        np.bincount(views.at[clicked], minlength=size),
    )
    shown = n if labelled is own else np.bincount(views.at[own], minlength=size)
    seen = np.flatnonzero(shown[:-1])  # the last are rows without a page view
    ids = _series(views.values).cast(pl.String).gather(seen)
    tally.add_views(ids.hash().to_numpy(), n[seen], c[seen])


def _count_where(codes: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """Return these rows of each code, by whichever side has fewer rows to pick out."""
    if 2 * np.count_nonzero(rows) < rows.size:
        return _count(codes[rows], size)
    counts: np.ndarray = _count(codes, size) - _count(codes[~rows], size)
    return counts


def _count(codes: np.ndarray, size: int) -> np.ndarray:
    if size * codes.itemsize > FEW_BYTES:
        counts: np.ndarray = np.bincount(codes, minlength=size)
        return counts
    each = [np.count_nonzero(codes == code) for code in range(size)]
    return np.array(each, dtype=np.int64)
