"""Writes docs/reference/ and DAGS.md from the code: settings, model.yaml, commands, DAGs, damage.

`make docs` runs it; a test runs it too and fails when what is committed is stale. It starts no
Airflow: the DAG files are parsed, not imported.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import typer.main
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from evergreen.adapters.quality_files import suites_of
from evergreen.adapters.quality_result import expected_of
from evergreen.cli import app
from evergreen.config.durations import format_duration
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import PROJECT, Settings

MADE_BY = "<!-- Made by `make docs` from the code; edit the docstrings there. -->\n"


def pages() -> dict[str, str]:
    """Return every generated page: its place in the project to its text."""
    return {
        "docs/reference/settings.md": settings_page(),
        "docs/reference/model.yaml.md": model_page(),
        "docs/reference/cli.md": cli_page(),
        "DAGS.md": dags_page(),
        "docs/reference/damage.md": damage_page(),
    }


def settings_page() -> str:
    """Return the page of the `EVERGREEN_*` settings."""
    rows = []
    docs = attribute_docs(Settings)
    for name, field in Settings.model_fields.items():
        default = str(field.default).replace(f"{PROJECT}/", "")
        shown = "" if field.default in ("", None) else f"`{default}`"
        rows.append((f"`EVERGREEN_{name.upper()}`", type_of(field), shown, docs.get(name, "")))
    intro = paragraphs(inspect.getmodule(Settings).__doc__)
    return f"{MADE_BY}# Settings\n\n{intro}\n\n{table('variable type default meaning', rows)}"


def model_page() -> str:
    """Return the page of `model.yaml`."""
    text = [
        MADE_BY + "# model.yaml",
        "One file a model, in `include/models/<model>/`. It is read once into a frozen object. An "
        "unknown key is an error that names the nearest known key. Durations are a number and "
        "`s`, `m`, `h`, `d` or `w`: `24h`, `28d`. Check a file with `evergreen models check "
        "<model>`; `--json` prints it with every default filled in.",
        *sections(ModelSpec, ""),
    ]
    return "\n\n".join(text)


def sections(section: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield a section's heading, its words and its keys, then the sections inside it."""
    heading = f"`{prefix}`" if prefix else "Top level"
    rows, inner = [], []
    docs = attribute_docs(section)
    for name, field in section.model_fields.items():
        key = field.alias or name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            inner.append((field.annotation, f"{prefix}.{key}".strip(".")))
            continue
        rows.append((f"`{key}`", type_of(field), default_of(field), docs.get(name, "")))
    yield f"## {heading}\n\n{paragraphs(section.__doc__)}"
    if rows:
        yield table("key type default meaning", rows).rstrip()
    for each in inner:
        yield from sections(*each)


def cli_page() -> str:
    """Return the page of the command line."""
    root = typer.main.get_command(app)
    commands = "\n\n".join(command_texts(root, "evergreen"))
    return f"{MADE_BY}# The command line\n\n{paragraphs(root.help)}\n\n{commands}\n"


def command_texts(command: Any, path: str) -> Iterator[str]:
    """Yield a heading, the help and the parameters of every command below this one."""
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from command_texts(child, f"{path} {name}")
        return
    rows = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        is_option = parameter.param_type_name == "option"
        name = ", ".join(parameter.opts) if is_option else str(parameter.name).upper()
        shown = "required" if parameter.required else default_text(parameter.default)
        rows.append((f"`{name}`", shown, getattr(parameter, "help", None) or ""))
    text = f"## `{path}`\n\n{paragraphs(command.help)}\n\n" + table("option default meaning", rows)
    yield text.rstrip()


def dags_page() -> str:
    """Return the page of the DAGs: each file's docstring and its tasks in order."""
    text = [
        f"{MADE_BY}# The DAGs",
        "Every model folder gets those whose id begins with `<model>__`; one with "
        "`train.enabled: false` gets the two that watch: `monitor_hourly` and "
        "`validate_nightly`. `evergreen__deliver` is there once. The texts are those of the page "
        "in Airflow's UI. What a message of theirs means: [the runbooks]"
        "(docs/runbooks/README.md).",
    ]
    for path in sorted(
        (PROJECT / "dags").glob("*.py"), key=lambda path: (path.stem == "deliver", path)
    ):
        source = path.read_text()
        tree, owner = ast.parse(source), "<model>" if "model_specs(" in source else "evergreen"
        rows = [(f"`{task}`", doc) for task, doc in tasks_of(tree)]
        text += [
            f"## `{owner}__{path.stem}`",
            (ast.get_docstring(tree) or "").strip(),
            table("task meaning", rows).rstrip(),
        ]
    return "\n\n".join(text) + "\n"


def tasks_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield task id and `doc_md` of every call that makes a task, in the file's order."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: node.lineno):
        named = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
        if "doc_md" in named:
            texts = [a.value for a in call.args if isinstance(a, ast.Constant)]
            yield str(named.get("task_id") or texts[0]), str(named["doc_md"])


def damage_page() -> str:
    """Return the page of the damage that validation is tested with, and what catches it."""
    damages = kinds_of_damage()
    suites = {model: suites_of(model) for model in sorted({d.model for d in damages})}
    rows = []
    for d in damages:
        rule = rule_of(suites[d.model][d.frame], d.fact, d.severity, d.scope)
        of = f" of {d.subject}" if d.subject else ""
        expected = expected_of(rule["type"], rule["kwargs"])
        reads = f"{d.frame} {d.scope}: {d.fact}{of} is …, expected {expected}"
        planted = f"{'an' if d.scope == 'hour' else 'a'} {d.scope} of {d.table}, {d.model}"
        caught = f"`{d.frame}.{d.fact}`"
        rows.append((d.name, planted, caught, d.severity.value, reads, rule["meta"]["why"]))
    intro = paragraphs(
        f"""{len(damages)} kinds of damage, each planted in otherwise good hours, and the
        expectation that catches each: `tests/validation` plants them in real data where those are
        at hand, and shows that the days without damage raise no error. An error puts the hour into
        quarantine; a warning is reported. The message is what a person reads, with the hour or
        `day`, and the value found.

        The expectations are in `great_expectations/expectations/`."""
    )
    body = table("damage planted_in caught_by severity message why", rows).replace("_", " ", 2)
    return f"{MADE_BY}# Damage that validation catches\n\n{intro}\n\n{body}"


def kinds_of_damage() -> tuple[Any, ...]:
    """Return the list that tests/validation runs."""
    folder = str(PROJECT / "tests" / "validation")
    sys.path.insert(0, folder)
    try:
        return tuple(importlib.import_module("kinds_of_damage").DAMAGES)
    finally:
        sys.path.remove(folder)


def rule_of(suite: dict[str, Any], fact: str, severity: str, scope: str) -> dict[str, Any]:
    """Return a suite's expectation about a fact: of the hours, or of the day."""
    gx, day = {"error": "critical", "warning": "warning"}[severity], "scope=='day'"
    other = "scope!='day'" if scope == "day" else day
    for each in suite["expectations"]:
        about = str(each["kwargs"].get("row_condition", "")).replace(" ", "").replace('"', "'")
        if (each["kwargs"].get("column"), each["severity"]) == (fact, gx) and other not in about:
            return dict(each)
    raise LookupError(f"{suite['name']} has no expectation about {fact} of a {scope} ({gx})")


def attribute_docs(cls: type) -> dict[str, str]:
    """Return the docstring below each attribute of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body  # type: ignore[attr-defined]
    return {
        before.target.id: inspect.cleandoc(after.value.value)
        for before, after in itertools.pairwise(body)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }


def type_of(field: FieldInfo) -> str:
    """Return a field's type in a reader's words, with its bounds."""
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    bounds = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    return ", ".join([words_of(field.annotation), *bounds])


def words_of(annotation: Any) -> str:
    """Return a type as a reader would name it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in inner)
    if origin is tuple:
        return f"list of {words_of(inner[0])}"
    if origin is dict:
        return f"mapping to {words_of(inner[1])}"
    if origin in (Union, UnionType):
        return " or ".join(words_of(part) for part in inner if part is not NoneType)
    names = {str: "text", SecretStr: "text", Path: "path"}
    names |= {int: "integer", float: "number", timedelta: "duration"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def default_of(field: FieldInfo) -> str:
    """Return a field's default as one would write it in YAML; `required` without one."""
    if field.default_factory is not None:
        return ""
    if field.default is PydanticUndefined:
        return "required"
    return default_text(field.default)


def default_text(value: Any) -> str:
    """Return a default value as people write it; nothing for an empty one."""
    if value is None or value is False or value == "" or value == () or callable(value):
        return ""
    if isinstance(value, timedelta):
        value = format_duration(value) if value else "0h"
    if isinstance(value, tuple):
        value = f"[{', '.join(map(str, value))}]"
    return f"`{value}`"


def paragraphs(text: str | None) -> str:
    """Return a docstring or a help text without its line breaks, but with its paragraphs."""
    parts = re.split(r"\n\s*\n", inspect.cleandoc(text or ""))
    return "\n\n".join(" ".join(part.split()) for part in parts)


def table(heads: str, rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table; `heads` are its columns, divided by blanks."""
    names = heads.split()
    lines = [names, ["---"] * len(names), *rows]
    return "".join(
        f"| {' | '.join(paragraphs(cell).replace('|', chr(92) + '|') for cell in line)} |\n"
        for line in lines
    )


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (PROJECT / name).write_text(text.rstrip() + "\n")


if __name__ == "__main__":
    main()
