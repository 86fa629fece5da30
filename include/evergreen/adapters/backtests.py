"""What `evergreen backtest` has left: one folder a run below `EVERGREEN_HOME/backtests/<model>`.

The files are only read, and what they say is checked: one may be old, cut off, or written by hand.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from evergreen.domain.errors import BacktestUnreadable

FILE = "backtest.json"
ID = re.compile(r"[0-9a-f]{12}")
MAX_LISTED = 20
MAX_BYTES = 4 << 20
"""Five policies over five months of a real shop are 0.1 MB."""
MAX_POLICIES, MAX_DAYS, MAX_EVENTS, MAX_REASONS = 24, 4_000, 20_000, 200

Text = Annotated[str, Field(max_length=4_000)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


def _is_hour(text: str) -> str:
    datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    return text


Hour = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d$"), AfterValidator(_is_hour)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True)


class Day(_Read):
    """What was shown and clicked on one day, UTC."""

    day: date
    impressions: Count
    clicks: Count


class Happened(_Read):
    """One thing that happened to a policy, and why."""

    hour: Hour
    kind: Literal["alarm", "retrain", "deployed", "held", "rolled_back", "failed"]
    version: Count | None = None
    reasons: Annotated[list[Text], Field(max_length=MAX_REASONS)] = []


class Policy(_Read):
    """What one policy of retraining earned and cost: a row of the table.

    `alarms` is None for a schedule: it has no monitor. `ctr` is None when nothing was shown.
    """

    ctr: Share | None
    ctr_share_of_daily: Amount | None
    clicks: Count
    impressions: Count
    retrains: Count
    promotions: Count
    holds: Count
    alarms: Count | None
    false_alarms: Count | None
    hours_to_deployment: Count | None
    training_s: Amount
    training_minutes_per_1000_clicks_won: Amount | None
    days: Annotated[list[Day], Field(max_length=MAX_DAYS)]
    events: Annotated[list[Happened], Field(max_length=MAX_EVENTS)]


class Backtest(_Read):
    """One run: what was asked, and what every policy did."""

    model: Text
    data: Text
    settings_changed: Annotated[list[Text], Field(max_length=100, validation_alias="set")]
    seed: int
    start: Annotated[Hour, Field(validation_alias="from")]
    end: Annotated[Hour, Field(validation_alias="to")]
    hours: Count
    page_views: Count
    change: Hour | None
    policies: Annotated[
        dict[Annotated[str, Field(max_length=100)], Policy], Field(max_length=MAX_POLICIES)
    ]
    left_out: Annotated[list[Text], Field(max_length=100)] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A run in the list; a file that cannot be read has only its `error`.

    Parameters:
        made_at: when the file was written, UTC.
        error: why it cannot be read; None when it can.
        start, end: hours, UTC, half-open; "" with an error.
    """

    id: str
    made_at: datetime
    error: str | None = None
    data: str = ""
    start: str = ""
    end: str = ""
    seed: int = 0
    settings_changed: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The newest runs, newest first, and how many there are in all."""

    runs: tuple[Listed, ...]
    total: int


class Backtests:
    """The backtests of one model.

    Args:
        home: EVERGREEN_HOME.
        model: its name; the caller has checked that there is such a model.
    """

    def __init__(self, home: Path, model: str) -> None:
        self._root, self._model = home / "backtests" / model, model

    def newest(self, limit: int = MAX_LISTED) -> Shelf:
        """Return the newest runs; one that cannot be read says why beside the others.

        Raises:
            BacktestUnreadable: the folder itself cannot be looked into.
        """
        found: list[tuple[float, str]] = []
        try:
            with os.scandir(self._root) as entries:
                for entry in entries:
                    if not ID.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
                        continue
                    try:
                        about = (self._root / entry.name / FILE).lstat()
                    except FileNotFoundError:
                        continue  # being written, or only its picture is left
                    except OSError:  # nobody may enter: its own row says so when it is read
                        about = entry.stat(follow_symlinks=False)
                    found.append((about.st_mtime, entry.name))
        except FileNotFoundError:
            return Shelf(runs=(), total=0)
        except OSError as error:
            raise BacktestUnreadable(
                f"the backtests of {self._model} cannot be listed: {error.strerror}; check the "
                f"rights on the folder backtests below EVERGREEN_HOME"
            ) from None
        found.sort(reverse=True)
        listed = tuple(self._listed(name, at) for at, name in found[:limit])
        return Shelf(runs=listed, total=len(found))

    def read(self, run: str) -> Backtest:
        """Return one run.

        Raises:
            FileNotFoundError: there is none, or the name leads elsewhere.
            BacktestUnreadable: it is too large, cut off, or not what a backtest writes.
        """
        if not ID.fullmatch(run) or (self._root / run).is_symlink():
            raise FileNotFoundError(f"no backtest {run[:50]!r} of {self._model}")
        path = self._root / run / FILE
        try:
            found = _parsed(_bytes(path, run), run)
        except FileNotFoundError:
            raise FileNotFoundError(f"no backtest {run!r} of {self._model}") from None
        except OSError as error:
            raise BacktestUnreadable(f"backtest {run} cannot be read: {error.strerror}") from None
        if found.model != self._model:
            raise BacktestUnreadable(
                f"backtest {run} is of the model {found.model[:100]!r}, expected {self._model!r}"
            )
        return found

    def _listed(self, run: str, modified: float) -> Listed:
        made_at = datetime.fromtimestamp(modified, tz=UTC)
        try:
            found = self.read(run)
        except FileNotFoundError:
            return Listed(id=run, made_at=made_at, error="it was removed a moment ago")
        except BacktestUnreadable as error:
            return Listed(id=run, made_at=made_at, error=str(error))
        return Listed(
            id=run,
            made_at=made_at,
            data=found.data,
            start=found.start,
            end=found.end,
            seed=found.seed,
            settings_changed=tuple(found.settings_changed),
            policies=tuple(found.policies),
        )


def _bytes(path: Path, run: str) -> bytes:
    """Return the file's content: of a plain file, and never more than is allowed."""
    # a link could lead anywhere, and opening a pipe would wait for ever
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BacktestUnreadable(f"backtest {run} cannot be read: {FILE} is not a plain file")
        body = file.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise BacktestUnreadable(
            f"backtest {run} cannot be read: {FILE} is larger than {MAX_BYTES >> 20} MiB; replay "
            f"fewer policies or a shorter time"
        )
    return body


def _parsed(body: bytes, run: str) -> Backtest:
    try:
        return Backtest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200] or "the file"
        raise BacktestUnreadable(
            f"backtest {run} cannot be read: {where}: {first['msg'][:200]}; run it again with "
            f"`evergreen backtest`"
        ) from None
