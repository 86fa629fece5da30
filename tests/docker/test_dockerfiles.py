"""What every Dockerfile keeps to: a numeric user, named versions, no secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docker_files import DOCKER, instructions, load, pins, values_of

import evergreen

FILES = sorted(DOCKER.glob("*/Dockerfile"))
SECRET = re.compile(r"password|secret|token|credential|api_?key", re.IGNORECASE)
each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)


def test_all_images_are_known() -> None:
    assert [path.parent.name for path in FILES] == ["airflow", "mlflow", "trainer"]


@each
def test_runs_as_a_numeric_user_that_is_not_root(path: Path) -> None:
    last = values_of(path, "USER")[-1]
    assert re.fullmatch(r"[1-9]\d*:\d+", last), last


def test_the_trainers_user_is_the_one_that_pods_name() -> None:
    assert values_of(DOCKER / "trainer" / "Dockerfile", "USER") == ["10001:10001"]


@each
def test_the_base_is_a_version_that_can_be_replaced_by_a_digest(path: Path) -> None:
    (base,) = (text for text in values_of(path, "ARG") if text.startswith("BASE="))
    assert re.fullmatch(r"BASE=[a-z/]+:[\w.-]*\d[\w.-]*", base), base
    assert "latest" not in base
    assert {text.split()[0] for text in values_of(path, "FROM")} == {"${BASE}"}


@each
def test_no_secret_is_an_argument_or_a_variable(path: Path) -> None:
    named = [text for name, text in instructions(path) if name in {"ARG", "ENV"}]
    assert [text for text in named if SECRET.search(text)] == []


@each
def test_only_wheels_of_the_pins_are_installed(path: Path) -> None:
    installs = [text for text in values_of(path, "RUN") if re.search(r"\bpip\b.* install", text)]
    assert len(installs) == 1
    assert all(word in installs[0] for word in ("--no-deps", "--only-binary :all:"))


@pytest.mark.parametrize("name", ["airflow", "trainer"])
def test_labels_say_version_and_commit(name: str) -> None:
    (label,) = values_of(DOCKER / name / "Dockerfile", "LABEL")
    for field, argument in {"version": "VERSION", "revision": "GIT_COMMIT"}.items():
        assert f'org.opencontainers.image.{field}="${{{argument}}}"' in label
    assert f'org.opencontainers.image.title="evergreen-{name}"' in label
    assert f"VERSION={evergreen.__version__}" in values_of(DOCKER / name / "Dockerfile", "ARG")


def test_a_step_is_the_images_only_program() -> None:
    (entry,) = values_of(DOCKER / "trainer" / "Dockerfile", "ENTRYPOINT")
    assert entry == '["python", "-m", "evergreen.cli"]'


def test_airflows_base_is_the_version_that_is_pinned() -> None:
    pinned = pins(DOCKER / "airflow" / "requirements.txt")["apache-airflow"]
    assert f"BASE=apache/airflow:{pinned}-python3.12" in values_of(
        DOCKER / "airflow" / "Dockerfile", "ARG"
    )
    assert load("helm-values.yaml")["airflowVersion"] == pinned


def test_the_context_leaves_secrets_and_state_out() -> None:
    lines = (DOCKER.parent / ".dockerignore").read_text().split("\n")
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert "**/.env*" in rules[1:]
    assert not {"!.git", "!docker", "!.evergreen", "!.venv"} & set(rules)
