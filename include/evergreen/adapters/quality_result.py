"""One expectation's result in Great Expectations' words, turned into ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from evergreen.domain.quality import DAY_SCOPE, Finding, Severity

PROBLEM = "problem"
"""The column that says why an hour cannot be read."""
INDEX_COLUMNS = ("scope", "subject", PROBLEM)
"""What a result tells of a row that does not meet an expectation, beside the value."""
MAX_PROBLEM_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The rows of one scope and subject that do not meet an expectation: the first of them."""

    scope: str
    subject: str
    observed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One expectation with what came of it.

    Parameters:
        fact: the column that it is about, or its kind where it is about the whole frame.
        where: the rows that it is about, as a pandas query; empty: all.
        problem: why it could not be evaluated; empty: it was.
        broken: what does not meet it; empty where it is met.
    """

    fact: str
    severity: Severity
    expected: str
    where: str
    why: str
    problem: str
    broken: tuple[Broken, ...]

    @property
    def status(self) -> str:
        """`unknown` where it could not be evaluated, else `met` or its severity."""
        if self.problem:
            return "unknown"
        return self.severity.value if self.broken else "met"

    def findings(self, suite: str, scope: str) -> list[Finding]:
        """Return a finding for each scope and subject; one warning where nothing was evaluated.

        Parameters:
            scope: of a finding that is about the whole frame.
        """
        severity, broken = self.severity, self.broken
        if self.problem:
            severity = Severity.WARNING
            text = f"not known (the expectation could not be evaluated: {self.problem})"
            broken = (Broken(scope="", subject="", observed=text),)
        return [
            Finding(
                suite=suite,
                fact=self.fact,
                scope=row.scope or scope,
                subject=row.subject,
                severity=severity,
                observed=row.observed,
                expected=self.expected,
            )
            for row in broken
        ]


def judged(result: Mapping[str, Any]) -> Judged:
    """Return what a result says.

    Parameters:
        result: an ExpectationValidationResult as JSON, in the format COMPLETE.
    """
    config = result["expectation_config"]
    kwargs = config["kwargs"]
    fact = str(kwargs.get("column") or config["type"].removeprefix("expect_"))
    problem = _problem(result.get("exception_info") or {})
    failed = not result["success"] and not problem
    return Judged(
        fact=fact,
        severity=Severity.ERROR
        if config.get("severity", "critical") == "critical"
        else Severity.WARNING,
        expected=expected_of(config["type"], kwargs),
        where=_where(kwargs.get("row_condition")),
        why=str((config.get("meta") or {}).get("why", "")),
        problem=problem,
        broken=_broken(fact, result.get("result") or {}) if failed else (),
    )


def expected_of(kind: str, kwargs: Mapping[str, Any]) -> str:
    """Return what an expectation says, for people.

    Example:
        >>> expected_of("expect_column_values_to_be_between", {"max_value": 0})
        'at most 0'
        >>> expected_of("expect_column_values_to_be_in_set", {"value_set": [True], "mostly": 0.5})
        'true in 50% of the rows'
    """
    text = _rule(kind, kwargs)
    mostly = kwargs.get("mostly", 1)
    return text if mostly == 1 else f"{text} in {100 * mostly:.4g}% of the rows"


def observed_text(value: Any) -> str:
    """Return a value found, for people: 3, 0.0125, true, red."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def frame_scope(scopes: list[str]) -> str:
    """Return the scope of a finding about a whole frame: its only one, else the day."""
    return scopes[0] if len(set(scopes)) == 1 else DAY_SCOPE


def _rule(kind: str, kwargs: Mapping[str, Any]) -> str:
    if kind == "expect_column_values_to_be_in_set":
        values = [observed_text(value) for value in kwargs.get("value_set") or ()]
        return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
    if kind == "expect_column_values_to_not_be_null":
        return "a value"
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if kind == "expect_column_values_to_be_between":
        return _between(low, high, kwargs)
    said = {k: v for k, v in kwargs.items() if k not in _NOT_SAID and v is not None}
    rule = kind.removeprefix("expect_").replace("_", " ")
    return rule + (f" ({', '.join(f'{k} {v}' for k, v in said.items())})" if said else "")


_NOT_SAID = {"column", "batch_id", "row_condition", "condition_parser", "mostly"}


def _between(low: Any, high: Any, kwargs: Mapping[str, Any]) -> str:
    above = "more than" if kwargs.get("strict_min") else "at least"
    below = "less than" if kwargs.get("strict_max") else "at most"
    if low is None:
        return f"{below} {observed_text(high)}"
    if high is None:
        return f"{above} {observed_text(low)}"
    if kwargs.get("strict_min") or kwargs.get("strict_max"):
        return f"{above} {observed_text(low)} and {below} {observed_text(high)}"
    return f"between {observed_text(low)} and {observed_text(high)}"


def _where(condition: Any) -> str:
    if isinstance(condition, Mapping):
        return str(condition.get("pass_through_filter") or dict(condition))
    return str(condition or "")


def _problem(info: Mapping[str, Any]) -> str:
    """Return why nothing was evaluated; Great Expectations nests it by metric, or does not."""
    parts = [info] if "raised_exception" in info else list(info.values())
    for part in parts:
        if isinstance(part, Mapping) and part.get("raised_exception"):
            text = " ".join(str(part.get("exception_message") or "no reason given").split())
            return text.removeprefix("Error: ")[:MAX_PROBLEM_LENGTH]
    return ""


def _broken(fact: str, result: Mapping[str, Any]) -> tuple[Broken, ...]:
    rows = result.get("unexpected_index_list")
    if not rows:
        observed = result.get("observed_value", "not as expected")
        return (Broken(scope="", subject="", observed=observed_text(observed)),)

    def of(row: Mapping[str, Any]) -> tuple[str, str]:
        return str(row["scope"]), str(row["subject"])

    grouped = groupby(sorted(rows, key=of), of)
    return tuple(_first(fact, key, list(same)) for key, same in grouped)


def _first(fact: str, key: tuple[str, str], rows: list[Mapping[str, Any]]) -> Broken:
    value, why = rows[0].get(fact), rows[0].get(PROBLEM)
    because = f" ({why})" if why and value is False else ""
    more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    return Broken(scope=key[0], subject=key[1], observed=observed_text(value) + because + more)
