"""Whether a suite's expectations are about facts that there are, before anything is judged.

An expectation about a fact that nobody counts, or with a condition that cannot be calculated, is
never broken: what it should have found would pass, and leave quarantine.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from evergreen.adapters.installation import spec_of
from evergreen.adapters.lake_tables import IMPRESSIONS
from evergreen.adapters.quality_files import invalid

if TYPE_CHECKING:
    import polars as pl

ROWS = "rows"
"""The frame of plain rows: the only one whose columns are a day's own."""


def require_known(model: str, frame: str, suite: Mapping[str, Any], facts: pl.DataFrame) -> None:
    """Raise unless every column that the suite names is known and every condition can be asked.

    A frame of facts has all its columns every day, null where one does not apply. Plain rows lack
    optional columns on some days: the lake's columns and the model's features are known there too.

    A condition that the day's values do not bear, such as `not` of null, matters where the
    expectation is critical; else it is a warning of the run.

    Parameters:
        facts: as Great Expectations sees them.

    Raises:
        SuiteInvalid: the text names the file, the expectation and what is wrong with it.
    """
    import polars as pl

    known = {*facts.columns, *(_columns_of_rows(model) if frame == ROWS else ())}
    absent = [pl.lit(None, pl.Float64).alias(name) for name in sorted(known - {*facts.columns})]
    table = facts.with_columns(absent).to_pandas()
    for number, expectation in enumerate(suite["expectations"], start=1):
        for problem in _problems(expectation, known, table):
            raise invalid(model, frame, f"its expectation {number}: {problem}")


def _columns_of_rows(model: str) -> set[str]:
    return {*IMPRESSIONS.required, *IMPRESSIONS.optional, *spec_of(model).features.names}


def _problems(expectation: Mapping[str, Any], known: Collection[str], table: Any) -> Iterator[str]:
    kwargs = expectation.get("kwargs")
    if not isinstance(kwargs, Mapping):
        return  # Great Expectations says what is wrong with it
    condition = kwargs.get("row_condition")
    for name in (*_columns(kwargs), *_columns_of(condition)):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
            yield f"no fact is called {name!r}; {hint}"
    if isinstance(condition, str) and condition:
        try:
            table.query(condition)
        except Exception as error:  # whatever the parser or a column's type raises
            wrong = isinstance(error, SyntaxError | NameError)  # on every day, whatever its values
            if wrong or expectation.get("severity", "critical") == "critical":
                said = f"{type(error).__name__}: {error}"
                yield f"its row_condition {condition!r} cannot be calculated: {said}"


def _columns(kwargs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the columns that an expectation is about."""
    for key in ("column", "column_A", "column_B"):
        if isinstance(name := kwargs.get(key), str):
            yield name
    several = kwargs.get("column_list")
    yield from several if isinstance(several, list) else ()


def _columns_of(condition: Any) -> Iterator[str]:
    """Yield the columns of a condition that is an object; it may hold others."""
    if isinstance(condition, list):
        for one in condition:
            yield from _columns_of(one)
    elif isinstance(condition, Mapping):
        column = condition.get("column")
        if isinstance(column, Mapping):
            yield str(column.get("name"))
        for key in ("conditions", "left", "right"):
            yield from _columns_of(condition.get(key))
