"""The gate's rules as rows of text, for the report's page and the form of an approval.

Read from the verdict's evidence as it is: an older or a newer gate may leave parts out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NONE = "–"
UNITS = {"data": "hours", "off_policy": "impressions"}
"""What a rule's rows are, where they are no page views."""
_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One rule in words and numbers; every field is text that was not escaped yet."""

    name: str
    subject: str
    value: str
    interval: str
    bound: str
    sample: str
    verdict: str
    text: str


def rule_rows(evidence: Mapping[str, Any]) -> list[RuleRow]:
    """Return a row for each rule, in the gate's order."""
    rules = evidence.get("rules") or []
    return [_row(rule) for rule in rules if isinstance(rule, Mapping)]


def plain(text: str) -> str:
    """Return the text as one line, without control characters or marks that turn its direction.

    Example:
        >>> plain("a\\n\\x00b\\u202ec")
        'a b c'
    """
    return _CONTROL.sub(" ", text).strip()


def number_text(value: Any) -> str:
    """Return a number for people, `–` for what is not there or is not a number.

    Example:
        >>> [number_text(v) for v in (0.0123456, 12345, 12345.0, float("nan"), None, float("inf"))]
        ['0.01235', '12,345', '12,345', '–', '–', '∞']
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def verdict_of(rule: Mapping[str, Any]) -> str:
    """Return `pass`, `fail` or `not_enough_data`; of a rule that only says `passed`, that."""
    if "verdict" in rule:
        return str(rule["verdict"])
    return "pass" if rule.get("passed") else "fail"


def _row(rule: Mapping[str, Any]) -> RuleRow:
    lower, upper = number_text(rule.get("lower")), number_text(rule.get("upper"))
    rows = UNITS.get(str(rule.get("name")), "page views")
    counts = [
        f"{number_text(rule[name])} {word}"
        for name, word in (("rows", rows), ("clusters", "clusters"))
        if rule.get(name)
    ]
    return RuleRow(
        name=str(rule.get("name", "")),
        subject=str(rule.get("subject") or ""),
        value=number_text(rule.get("value")),
        interval=NONE if lower == upper == NONE else f"{lower} to {upper}",
        bound=number_text(rule.get("bound")),
        sample=", ".join(counts) or NONE,
        verdict=verdict_of(rule).replace("_", " "),
        text=str(rule.get("text", "")),
    )
