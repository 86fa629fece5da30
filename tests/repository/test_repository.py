"""What holds for the repository as a whole: links, paths, folders with rules of their own."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from evergreen.config.model_spec import load_specs
from evergreen.config.settings import PROJECT
from evergreen.orchestration.airflow_settings import pools

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FOREIGN = re.compile(
    r"(?<![\w.])/(?:work|root|farm|Users)/"  # a path of somebody's machine
    r"|\b(?:pypi\.org|pythonhosted\.org|files\.pythonhosted|conda\.anaconda\.org)\b"
)
LOCK_FILES = {"LICENSE"}


def committed_files() -> list[Path]:
    """Return the files that git knows or would add; without git, all but ignored folders."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        names = [name for name in listing.stdout.decode().split("\0") if name]
        return [path for name in names if (path := PROJECT / name).is_file()]
    hidden = {".git", ".venv", ".evergreen", "__pycache__", "demo"}
    files = (path for path in PROJECT.rglob("*") if path.is_file())
    return [path for path in files if not hidden & set(path.relative_to(PROJECT).parts)]


def pages() -> list[Path]:
    """Return the Markdown pages."""
    return [path for path in committed_files() if path.suffix == ".md"]


def anchor_of(heading: str) -> str:
    """Return the anchor that Markdown viewers give a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {anchor_of(heading) for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_resolve(page: Path) -> None:
    dead = []
    for target in LINK.findall(page.read_text()):
        place, _, anchor = target.partition("#")
        if "://" in target:
            continue
        other = (page.parent / place).resolve() if place else page
        if not other.exists() or (anchor and anchor not in anchors(other)):
            dead.append(target)
    assert dead == []


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    found = []
    for path in committed_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if path != Path(__file__).resolve() and path.name not in LOCK_FILES:
            found += [f"{path.relative_to(PROJECT)}: {hit}" for hit in FOREIGN.findall(text)]
    assert found == []


def test_plugins_hold_no_stray_module() -> None:
    """Airflow imports every module of this folder in every process."""
    found = {str(path.relative_to(PROJECT / "plugins")) for path in modules("plugins")}
    assert found <= {"evergreen_plugin.py"}


@pytest.mark.parametrize("folder", ["great_expectations", "docker"])
def test_folders_named_like_packages_are_none(folder: str) -> None:
    """With an `__init__.py` they would hide the packages of their names."""
    assert [path for path in modules(folder) if path.name == "__init__.py"] == []


def modules(folder: str) -> list[Path]:
    """Return the Python files below a folder of the project."""
    inside = [path for path in committed_files() if PROJECT / folder in path.parents]
    return [path for path in inside if path.suffix == ".py"]


def test_every_runbook_exists() -> None:
    for spec in load_specs(PROJECT / "include" / "models"):
        assert spec.runbook, f"{spec.model}: name a runbook in model.yaml"
        assert (PROJECT / spec.runbook).is_file(), spec.runbook


def test_every_pool_of_a_dag_is_declared() -> None:
    declared = {pool.name for pool in pools()}
    used = set()
    for path in (PROJECT / "dags").glob("*.py"):
        tree = ast.parse(path.read_text())
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for keyword in (node for node in ast.walk(tree) if isinstance(node, ast.keyword)):
            if keyword.arg == "pool":
                value = keyword.value
                used.add(
                    value.value if isinstance(value, ast.Constant) else constants[value.id]  # type: ignore[attr-defined]
                )
    assert used == {"evergreen_training"}
    assert used <= declared
