"""What the form of an approval shows: the verdict, its reasons, its rules, the report's address.

The text is Markdown. Names come from data, so whatever Markdown would read is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evergreen.trainer.rule_rows import RuleRow, plain, rule_rows

_READ_BY_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+.!|~&:@$-])")
HEAD = (
    "| rule | value | interval | bound | sample | verdict |\n| --- | --- | --- | --- | --- | --- |"
)


def form_body(model: str, verdict: Mapping[str, Any], report: str) -> str:
    """Return the form's text.

    Parameters:
        verdict: what the gate left: `verdict, version, expected, reasons, evidence`.
        report: the report's address.
    """
    champion = f"version {verdict['expected']}" if verdict["expected"] else "no champion"
    rows = [_table_row(row) for row in rule_rows(verdict.get("evidence") or {})]
    table = "\n".join([HEAD, *rows]) if rows else "The gate left no rules."
    return "\n\n".join(
        [
            f"The gate says **{escaped(verdict['verdict'])}**: version {verdict['version']} of "
            f"`{model}`, compared with {champion}.",
            "\n".join(f"- {escaped(reason)}" for reason in verdict["reasons"]),
            table,
            f"[The evaluation report](<{report}>)",
            f"**Promote** makes version {verdict['version']} champion and publishes its lists. "
            f"**Hold** keeps {champion}.",
        ]
    )


def escaped(text: Any) -> str:
    """Return the text as one line that Markdown shows as it is.

    Example:
        >>> escaped("<b>a|b</b>")
        '\\\\<b\\\\>a\\\\|b\\\\</b\\\\>'
    """
    return _READ_BY_MARKDOWN.sub(r"\\\1", plain(str(text)))


def _table_row(row: RuleRow) -> str:
    name = f"{row.name} {row.subject}".strip()
    cells = (name, row.value, row.interval, row.bound, row.sample, row.verdict)
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"
