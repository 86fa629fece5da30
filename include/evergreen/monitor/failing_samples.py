"""Rows that show why hours are in quarantine, kept as small Parquet files for people."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from datetime import datetime

import polars as pl

from evergreen.adapters.facts import Known, failing_rows
from evergreen.adapters.facts_rows import Compared
from evergreen.adapters.files import Files
from evergreen.adapters.lake import Lake
from evergreen.adapters.secret_free import secret_free
from evergreen.domain.errors import EvergreenError, FileCorrupt
from evergreen.domain.quality import DAY_SCOPE, TABLE_OF, Finding, Severity
from evergreen.domain.windows import Window, hour_key, parse_hour

ROWS_KEPT = 100  # of one finding
FILES_KEPT = 20  # of one day


class FailingSamples:
    """The sampled rows of one model: `<table>/<hour>/<fact>.parquet`, ids hashed.

    Args:
        root: `settings().quarantine_root(model)`; a local path or any fsspec URL.
        model: Whose ids have hashes of their own.
        features: Columns that are kept beside those of the lake's contract.
    """

    def __init__(self, root: str, model: str, features: Collection[str] = ()) -> None:
        self._files, self._model, self._features = Files(root), model, features

    def keep(
        self,
        lake: Lake,
        window: Window,
        findings: Sequence[Finding],
        failed: Collection[tuple[str, datetime]],
        known: Known,
    ) -> dict[tuple[str, datetime], str]:
        """Keep rows of the findings that are rows' faults, instead of older ones of the window.

        Returns:
            (table, hour) of a failed hour to the folder that holds its rows.
        """
        kept: dict[tuple[str, datetime], set[str]] = {}
        for found in findings:
            if sum(map(len, kept.values())) >= FILES_KEPT:
                break
            place = _place(found)
            if place not in failed or place is None:
                continue
            rows = self._rows(lake, place, found.fact, known)
            if rows is not None and rows.height:
                name = f"{found.fact}.parquet"
                self._files.write_parquet(f"{_folder(*place)}/{name}", rows)
                kept.setdefault(place, set()).add(name)
        self._forget(window, kept)
        return {place: self._files.uri(_folder(*place)) for place in kept}

    def _rows(
        self, lake: Lake, place: tuple[str, datetime], fact: str, known: Known
    ) -> pl.DataFrame | None:
        compared = Compared(versions=known.versions)
        try:
            return failing_rows(
                lake,
                *place,
                fact,
                limit=ROWS_KEPT,
                model=self._model,
                compared=compared,
                features=self._features,
            )
        except EvergreenError:  # the hour cannot be read: that is the finding
            return None

    def _forget(self, window: Window, kept: dict[tuple[str, datetime], set[str]]) -> None:
        """Remove what an earlier validation of these hours kept and this one does not."""
        for table in sorted(set(TABLE_OF.values())):
            there = set(self._files.list(table))
            for hour in window.hours():
                if hour_key(hour) in there:
                    old = set(self._files.list(_folder(table, hour)))
                    for name in old - kept.get((table, hour), set()):
                        self._files.remove(f"{_folder(table, hour)}/{name}")


def kept_rows(folder: str) -> dict[str, pl.DataFrame]:
    """Return fact to the rows that `FailingSamples` kept in the folder of an hour, if any.

    Raises:
        LakeUnreachable: the place cannot be read.
        FileCorrupt: what lies there is not the Parquet that was written.
    """
    files, found = Files(folder), {}
    for name in files.list():
        fact, _, suffix = name.rpartition(".")
        if suffix != "parquet":
            continue
        try:
            found[fact] = pl.read_parquet(io.BytesIO(files.read(name)))
        except FileNotFoundError:  # a validation has just let go of it
            continue
        except pl.exceptions.PolarsError as error:
            raise FileCorrupt(
                f"{secret_free(files.uri(name))} cannot be read as Parquet: {error}; validate the "
                "day again, which writes it anew"
            ) from error
    return found


def _place(found: Finding) -> tuple[str, datetime] | None:
    """Return the table and hour that an error about single rows is about."""
    table = TABLE_OF.get(found.suite)
    about_rows = found.severity is Severity.ERROR and found.scope != DAY_SCOPE
    return (table, parse_hour(found.scope)) if table and about_rows and not found.subject else None


def _folder(table: str, hour: datetime) -> str:
    return f"{table}/{hour_key(hour)}"
