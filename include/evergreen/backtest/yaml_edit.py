"""Values of `model.yaml` set in its text, so that its comments and its order stay."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

import yaml

from evergreen.domain.errors import BacktestInvalid

INDENT = "  "


def with_values(text: str, values: Mapping[str, Any]) -> str:
    """Return the text with these keys set; all else stays as it is, comments too.

    A key that is not there is added at the end of its section.

    Parameters:
        values: dotted key to value.

    Raises:
        BacktestInvalid: the text is written in a way that this cannot edit; nothing is lost, for
            what comes out is read again and compared.
    """
    lines, wanted = text.splitlines(), copy.deepcopy(yaml.safe_load(text))
    for key, value in values.items():
        _set(lines, key.split("."), yaml.safe_dump(value, default_flow_style=True).split("\n")[0])
        section = wanted
        *path, last = key.split(".")
        for part in path:
            section = section.setdefault(part, {})
        section[last] = value
    edited = "\n".join(lines) + "\n"
    try:
        same = yaml.safe_load(edited) == wanted
    except yaml.YAMLError:
        same = False
    if not same:
        raise BacktestInvalid("model.yaml is written in a way that cannot be edited; do it by hand")
    return edited


def snippet(values: Mapping[str, Any]) -> str:
    """Return the values as they would stand in model.yaml.

    Example:
        >>> print(snippet({"monitor.window": "7d"}), end="")
        monitor:
          window: 7d
    """
    body: dict[str, Any] = {}
    for key, value in values.items():
        section = body
        *path, last = key.split(".")
        for part in path:
            section = section.setdefault(part, {})
        section[last] = value
    return yaml.safe_dump(body, sort_keys=False)


def _set(lines: list[str], path: list[str], value: str) -> None:
    start, end, depth = 0, len(lines), 0
    for part in path[:-1]:
        found = _find(lines, start, end, depth, part)
        if found is None:
            lines.insert(end, f"{INDENT * depth}{part}:")
            found = end
        start, depth = found + 1, depth + 1
        end = _section_end(lines, start, depth)
    at = _find(lines, start, end, depth, path[-1])
    if at is None:
        lines.insert(end, f"{INDENT * depth}{path[-1]}: {value}")
        return
    comment = re.search(r"\s+#.*$", lines[at])
    lines[at] = f"{INDENT * depth}{path[-1]}: {value}{comment[0] if comment else ''}"


def _find(lines: list[str], start: int, end: int, depth: int, key: str) -> int | None:
    head = f"{INDENT * depth}{key}:"
    return next((i for i in range(start, end) if lines[i].startswith(head)), None)


def _section_end(lines: list[str], start: int, depth: int) -> int:
    """Return where the section's last line ends: before the blank lines behind it."""
    end = start
    for i in range(start, len(lines)):
        line = lines[i]
        if line.strip() and not line.startswith(INDENT * depth):
            break
        if line.strip():
            end = i + 1
    return end
