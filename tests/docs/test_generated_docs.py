"""docs/reference/ says what the code says."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import PROJECT, Settings


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    path = PROJECT / "scripts" / "generate_docs.py"
    spec = importlib.util.spec_from_file_location("generate_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = ["DAGS.md"] + [
    f"docs/reference/{name}.md" for name in ("settings", "model.yaml", "cli", "damage")
]


@pytest.mark.parametrize("name", PAGES)
def test_a_committed_page_is_what_the_code_says(generator: ModuleType, name: str) -> None:
    committed = (PROJECT / name).read_text()
    assert committed == generator.pages()[name].rstrip() + "\n", "stale: run `make docs`"


def test_no_page_is_forgotten(generator: ModuleType) -> None:
    assert sorted(generator.pages()) == sorted(PAGES)


def test_every_setting_has_words(generator: ModuleType) -> None:
    assert set(generator.attribute_docs(Settings)) == set(Settings.model_fields)


def test_every_dag_and_its_tasks_are_listed(generator: ModuleType) -> None:
    page = generator.dags_page()
    for kind in ("monitor_hourly", "retrain", "rollback", "validate_nightly"):
        assert f"## `<model>__{kind}`" in page
    assert "## `evergreen__deliver`" in page
    for task in ("wait_for_hour", "build_dataset", "train", "roll_back", "validate_day"):
        assert f"| `{task}` |" in page


def test_every_command_takes_json(generator: ModuleType) -> None:
    commands = generator.cli_page().split("\n## ")[1:]
    assert len(commands) == 40
    assert [text.partition("\n")[0] for text in commands if "`--json`" not in text] == []


def test_bounds_defaults_and_choices_are_told(generator: ModuleType) -> None:
    page = generator.model_page()
    assert "| `max_drop` | number, > 0, < 1 | `0.15` |" in page
    assert "| `cooldown` | duration | `1d` |" in page
    assert "| `metric` | `ndcg` or `hit` | `ndcg` |" in page
    assert "| `model` | text | required |" in page
    assert ModelSpec.model_fields["validation"].alias == "validate"
    assert "## `validate`" in page
