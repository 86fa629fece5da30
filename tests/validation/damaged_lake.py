"""A lake to damage: links to the good one's hours, and own copies of those that are damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from evergreen.adapters.lake import SUCCESS, Lake, hour_folder
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.windows import Window, parse_hour

DAY = timedelta(days=1)
ORDERS_BEFORE = 28 * DAY
"""How far the facts of orders look back; those of impressions look back a week."""
Edit = Callable[[pl.DataFrame], pl.DataFrame]


class DamagedLake:
    """One day of a good lake with what its facts look back on.

    Parameters:
        good: the lake's folder; nothing in it is changed.
        folder: where the links and the copies go.
        day: the day that is damaged.
        hour: its busiest hour.
    """

    def __init__(
        self, good: Path, folder: Path, spec: ModelSpec, *, day: datetime, hour: datetime
    ) -> None:
        self.folder, self.spec = folder, spec
        self.day, self.hour = day, hour
        self.yesterday = hour - DAY
        """The same hour of the day before."""
        for table in good.iterdir():
            before = ORDERS_BEFORE if table.name == "orders" else 7 * DAY
            (folder / table.name).mkdir(parents=True)
            for hour_of in table.glob("hour=*"):
                if parse_hour(hour_of.name.removeprefix("hour=")) in Window(
                    day - before, day + DAY
                ):
                    (folder / table.name / hour_of.name).symlink_to(hour_of)

    @property
    def lake(self) -> Lake:
        """The lake, as validation opens it."""
        return Lake(str(self.folder), self.spec.columns)

    def whole_day(self) -> list[datetime]:
        """Return the day's 24 hours."""
        return list(Window(self.day, self.day + DAY).hours())

    def own(self, table: str, hour: datetime) -> Path:
        """Return an hour's folder, a copy from now on."""
        folder = self.folder / table / hour_folder(hour)
        if folder.is_symlink():
            good = folder.resolve()
            folder.unlink()
            shutil.copytree(good, folder)
        return folder

    def drop(self, table: str) -> None:
        """Remove the hour."""
        shutil.rmtree(self.own(table, self.hour))

    def file(self, table: str, hour: datetime | None = None) -> Path:
        """Return the one data file of an hour."""
        (path,) = self.own(table, hour or self.hour).glob("*.parquet")
        return path

    def rows(self, table: str, hour: datetime | None = None) -> pl.DataFrame:
        """Return an hour's rows under canonical names."""
        return self.lake.read(table, Window.of_hour(hour or self.hour))

    def edit(
        self,
        table: str,
        edit: Edit,
        hours: Iterable[datetime] | None = None,
        *,
        close: bool = True,
    ) -> None:
        """Change the rows of some hours, by default of the one, and close them honestly.

        Parameters:
            edit: gets and returns rows under canonical names.
            close: False leaves `_SUCCESS` as it is.
        """
        for hour in hours or [self.hour]:
            if not list((self.folder / table / hour_folder(hour)).glob("*.parquet")):
                continue  # an hour without events
            path = self.file(table, hour)
            names = {own: name for name, own in self.spec.columns.items()}
            frame = edit(pl.read_parquet(path).rename(names, strict=False))
            frame.rename(self.spec.columns, strict=False).write_parquet(path)
            if close:
                self.close(table, hour, {path.name: frame.height})

    def close(self, table: str, hour: datetime, rows: dict[str, int]) -> None:
        """Rewrite `_SUCCESS` so that it tells the rows and sizes of these files."""
        folder = self.own(table, hour)
        said = json.loads((folder / SUCCESS).read_bytes())
        said["rows"] = sum(rows.values())
        said["files"] = [
            {"path": f"{folder.name}/{name}", "size": (folder / name).stat().st_size, "rows": count}
            for name, count in rows.items()
        ]
        (folder / SUCCESS).write_text(json.dumps(said))

    def resize(self, table: str) -> None:
        """Rewrite `_SUCCESS` with the file's size as it is now, and the rows as they were."""
        said = json.loads((self.own(table, self.hour) / SUCCESS).read_bytes())
        self.close(table, self.hour, {self.file(table).name: said["rows"]})
