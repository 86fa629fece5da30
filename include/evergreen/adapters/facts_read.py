"""One hour's impressions, read once, few columns at a time: codes, feature counts, a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

import polars as pl

from evergreen.adapters.facts_features import FeatureTally, count_features, feature_type, total_of
from evergreen.adapters.facts_files import OpenFile, open_hour, piece_of, starts_of
from evergreen.adapters.facts_hours import DAMAGE, Hour
from evergreen.adapters.facts_rows import OPTIONAL, CodedRows, Compared, coding
from evergreen.adapters.facts_sample import HourSample, scattered
from evergreen.adapters.lake import Lake
from evergreen.adapters.lake_tables import IMPRESSIONS
from evergreen.domain.bins import Bins
from evergreen.domain.errors import EvergreenError, FileCorrupt

FEATURES_TOGETHER = 10
"""Features that are read at once: ten float32 of half a million rows are 20 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What every hour of a day is asked.

    Parameters:
        features: feature to the bins it is counted in.
        mature_before: hours from here on still wait for labels.
        day_rows: rows of the whole day, as its `_SUCCESS` files tell.
    """

    features: Mapping[str, Bins]
    compared: Compared
    mature_before: datetime
    day_rows: int

    @property
    def feature_types(self) -> dict[str, pl.DataType]:
        """The type that each feature is counted as."""
        return {name: feature_type(bins) for name, bins in self.features.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class HourRows:
    """What an hour's files hold, before anything is compared between rows.

    Parameters:
        with_users: rows of files that have users.
    """

    coded: CodedRows
    with_users: int
    features: Mapping[str, FeatureTally]
    sample: HourSample


@dataclass(frozen=True, slots=True, kw_only=True)
class HourRead:
    """An hour, its rows as far as known, what is wrong with it, and its rows' codes.

    Parameters:
        found: None where there are no rows, or none that can be read.
    """

    hour: Hour
    rows: int = 0
    problems: Sequence[EvergreenError | str] = ()
    found: HourRows | None = None


def read_hour(lake: Lake, hour: Hour, question: Question) -> HourRead:
    """Return what an hour holds; what is damaged is told, never raised.

    Raises:
        LakeUnreachable: the lake cannot be read now.
    """
    if hour.closing is None:
        return HourRead(hour=hour, problems=[hour.damage] if hour.damage else [])
    try:
        files = open_hour(lake, IMPRESSIONS.name, hour.closing, question.features)
        rows = sum(file.rows for file in files)
        damages: list[EvergreenError | str] = [file.damage for file in files if file.damage]
        found = _rows(lake, hour, files, question) if rows and not damages else None
    except DAMAGE as error:
        return HourRead(hour=hour, problems=[error])
    problems = [text for file in files for text in file.problems.values()]
    return HourRead(hour=hour, rows=rows, problems=[*damages, *problems], found=found)


def _rows(lake: Lake, hour: Hour, files: list[OpenFile], question: Question) -> HourRows:
    sample = HourSample(sum(file.rows for file in files), question.day_rows, question.feature_types)
    coded: list[pl.DataFrame] = []
    tallies: list[dict[str, FeatureTally]] = []
    first = 0
    for file in files:
        codes = coding(file.types, hour.hour, question.compared)
        for start in starts_of(file):
            piece = piece_of(lake, file, _contract_columns(file), start)
            some = _coded(piece, codes, file)
            place = scattered(first, piece.height)
            chosen = sample.chosen(place, some["clicked"])
            few = [piece.with_columns(some["own"], place).filter(chosen)]
            del piece  # text is the widest part of it
            for features in _few_at_a_time(file, question.features):
                values = piece_of(lake, file, list(features), start)
                tallies.append(count_features(values, some["own"], features))
                few.append(values.filter(chosen))
            sample.add(pl.concat(few, how="horizontal"))
            coded.append(some)
            first += some.height
    return HourRows(
        coded=CodedRows(pl.concat(coded)),
        with_users=sum(file.rows for file in files if "user_id" in file.types),
        features=total_of(tallies),
        sample=sample,
    )


def _contract_columns(file: OpenFile) -> list[str]:
    return [*IMPRESSIONS.required, *(column for column in OPTIONAL if column in file.types)]


def _few_at_a_time(file: OpenFile, features: Mapping[str, Bins]) -> Iterator[dict[str, Bins]]:
    """Yield the features that can be counted, so many together as memory should hold."""
    readable = ((name, bins) for name, bins in features.items() if name not in file.problems)
    return map(dict, batched(readable, FEATURES_TOGETHER))


def _coded(piece: pl.DataFrame, codes: list[pl.Expr], file: OpenFile) -> pl.DataFrame:
    try:
        return piece.select(codes)
    except pl.exceptions.PolarsError as error:  # a value that its type cannot hold
        raise FileCorrupt(f"{file.file.uri}: {str(error).splitlines()[0]}") from None
