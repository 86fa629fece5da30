"""The images' packages are the project's, at the same versions, and no more than they need."""

from __future__ import annotations

from pathlib import Path

import pytest
from docker_files import DOCKER, pins

from evergreen.config.settings import PROJECT

ROOT = pins(PROJECT / "requirements.txt")
TRAINER = pins(DOCKER / "trainer" / "requirements.txt")
GPU = pins(DOCKER / "trainer" / "requirements-gpu.txt")
ALL = sorted(DOCKER.glob("*/requirements*.txt"))


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(DOCKER)))
def test_shared_packages_have_the_roots_versions(path: Path) -> None:
    found = pins(path)
    assert len(found) > 20
    differ = {name: (found[name], ROOT[name]) for name in found.keys() & ROOT.keys()}
    assert {name: pair for name, pair in differ.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(DOCKER)))
def test_every_line_is_a_pin_and_no_index_is_named(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(pins(path))


@pytest.mark.parametrize("found", [TRAINER, GPU], ids=["cpu", "gpu"])
def test_the_trainer_has_neither_airflow_nor_servers(found: dict[str, str]) -> None:
    heavy = {"mlflow", "sqlalchemy", "great-expectations", "duckdb", "kubernetes", "slack-sdk"}
    assert found.keys() & heavy == set()
    assert [name for name in found if name.startswith("apache-airflow")] == []


def test_only_the_gpu_variant_has_cuda() -> None:
    assert [name for name in TRAINER if name.startswith("nvidia-")] == []
    assert [name for name in GPU if name.startswith("nvidia-")] != []


def test_both_variants_are_one_xgboost() -> None:
    assert TRAINER["xgboost-cpu"] == GPU["xgboost"] == ROOT["xgboost-cpu"]
    cuda = {name for name in GPU if name.startswith("nvidia-")}
    rest = {name: version for name, version in GPU.items() if name not in cuda | {"xgboost"}}
    assert rest == {name: v for name, v in TRAINER.items() if name != "xgboost-cpu"}
