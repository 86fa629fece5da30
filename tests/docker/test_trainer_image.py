"""The trainer image, built from this checkout; the test cluster's podman runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import evergreen
from evergreen.config.settings import PROJECT
from trainer_image import PLANTED, trainer_image

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]  # the build, the first time

MAX_MB = 800
AS_IN_A_POD = ("--rm", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
SECRET = re.compile(r"password|secret|token|credential|api_?key|index_url", re.IGNORECASE)
LOOK = """
import importlib.util as u, json, os
names = ["airflow", "sqlalchemy", "flask", "great_expectations", "duckdb", "pip"]
places = ["/", "/opt/evergreen", "/opt/venv", "/home", "/etc"]
status = [line.split() for line in open("/proc/self/status")]
print(json.dumps({
    "modules": [name for name in names if u.find_spec(name)],
    "ids": [os.getuid(), os.getgid(), os.geteuid()],
    "capabilities": [words[1] for words in status if words[0] == "CapEff:"],
    "writable": [place for place in places if os.access(place, os.W_OK)],
    "compiled": os.path.exists(u.cache_from_source(u.find_spec("evergreen.cli").origin)),
}))
"""
HASHES = """
import hashlib, sys
for path in sys.argv[1:]:
    print(hashlib.sha256(open(path, "rb").read()).hexdigest())
"""


@pytest.fixture(scope="module")
def podman() -> Path:
    wrapper = Path(os.environ.get("CLUSTER_HOME", "/tmp/test-cluster")) / "bin" / "podman"
    if not wrapper.exists():
        pytest.skip(f"no podman at {wrapper}: start the test cluster, or set CLUSTER_HOME")
    return wrapper


@pytest.fixture(scope="module")
def image(podman: Path) -> str:
    name = trainer_image()
    if subprocess.run([podman, "image", "exists", name], check=False).returncode:
        pytest.skip(f"podman has no image {name}; build docker/trainer/Dockerfile first")
    return name


@pytest.fixture(scope="module")
def about(podman: Path, image: str) -> dict[str, Any]:
    """The image's configuration, as the engine says it."""
    listed = subprocess.run(
        [podman, "image", "inspect", image], capture_output=True, text=True, check=True
    )
    (found,) = json.loads(listed.stdout)
    return dict(found)


def run(podman: Path, image: str, *command: str, entrypoint: str = "") -> str:
    """Run a command as a pod would and return its output."""
    entry = (f"--entrypoint={entrypoint}",) if entrypoint else ()
    finished = subprocess.run(
        [podman, "run", *AS_IN_A_POD, "--tmpfs=/tmp", "--network=none", *entry, image, *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def inside(podman: Path, image: str) -> dict[str, Any]:
    """What a process in the container finds."""
    return dict(json.loads(run(podman, image, "-c", LOOK, entrypoint="python")))


def test_it_is_small(about: dict[str, Any]) -> None:
    assert about["Size"] / 1e6 < MAX_MB


def test_it_runs_with_nothing_but_a_scratch_folder(podman: Path, image: str) -> None:
    listed = run(podman, image, "step", "--help")
    assert all(step in listed for step in ("build_dataset", "train", "evaluate", "publish"))


def test_a_step_without_a_run_says_what_is_missing(podman: Path, image: str) -> None:
    command = [podman, "run", *AS_IN_A_POD, "--tmpfs=/tmp", "--network=none", image]
    finished = subprocess.run(
        [*command, "step", "train", "--run-dir", "/tmp/none"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith("ManifestInvalid: /tmp/none/")
    assert "run `evergreen step build_dataset" in finished.stderr


def test_it_holds_no_airflow_no_server_and_no_installer(inside: dict[str, Any]) -> None:
    assert inside["modules"] == []


def test_it_is_nobody_and_may_write_nowhere(inside: dict[str, Any]) -> None:
    assert inside["ids"] == [10001, 10001, 10001]
    assert [int(mask, 16) for mask in inside["capabilities"]] == [0]
    assert inside["writable"] == []


def test_the_packages_bytecode_was_made_at_build_time(inside: dict[str, Any]) -> None:
    assert inside["compiled"]


def test_the_code_is_the_checkouts(podman: Path, image: str) -> None:
    """An image of another state of the code would make a green test of old code."""
    paths = sorted(str(p.relative_to(PROJECT)) for p in (PROJECT / "include").rglob("*.py"))
    listed = run(podman, image, "-c", HASHES, *paths, entrypoint="python").split()
    ours = subprocess.run(
        ["sha256sum", *paths], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert listed == [line.split()[0] for line in ours.stdout.splitlines()]


def test_labels_name_a_commit_and_the_version(about: dict[str, Any]) -> None:
    labels = about["Labels"]
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", labels["org.opencontainers.image.revision"])
    assert labels["org.opencontainers.image.version"] == evergreen.__version__


def test_user_and_entrypoint_are_what_pods_rely_on(about: dict[str, Any]) -> None:
    assert about["Config"]["User"] == "10001:10001"
    assert about["Config"]["Entrypoint"] == ["python", "-m", "evergreen.cli"]


def test_no_secret_stands_in_its_settings_or_history(about: dict[str, Any]) -> None:
    settings = about["Config"]["Env"]
    history = [step.get("created_by", "") for step in about["History"]]
    assert len(history) > 5
    assert [text for text in settings + history if SECRET.search(text)] == []


def test_no_planted_secret_is_in_a_layer(podman: Path, image: str) -> None:
    """Secrets lay in the build's folder and in its environment (`trainer_image.py`)."""
    saved = subprocess.Popen(
        [podman, "save", "--format=docker-archive", image], stdout=subprocess.PIPE
    )
    assert saved.stdout is not None
    kept, size, seen = b"", 0, {PLANTED.encode(): False, b"WindowEmpty": False}
    while piece := saved.stdout.read(1 << 22):
        size += len(piece)
        for text in seen:
            seen[text] = seen[text] or text in kept + piece
        kept = piece[-64:]
    assert saved.wait() == 0
    assert size > 100e6
    assert seen == {PLANTED.encode(): False, b"WindowEmpty": True}  # our code is there to be found
