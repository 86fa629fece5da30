"""The trainer image of this checkout, built once for all tests of a run.

The build context is a copy with secrets planted where people keep them; `test_trainer_image.py`
looks for them in the image's layers.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import evergreen
from evergreen.config.settings import PROJECT

KIT = PROJECT.parent / "shared" / "kubernetes"
TAG = "evergreen-trainer:test"
PLANTED = "pl4nted-s3cret-of-the-build"
PLACES = (".env", "docker/.env", ".evergreen/password", "include/models/also_bought/.env")


def trainer_image() -> str:
    """Return the name of an image of this checkout's code, or skip.

    Several processes that ask at once build it once; what has not changed comes from the cache.
    """
    named = os.environ.get("EVERGREEN_TEST_IMAGE")
    if named:
        return named
    if not os.environ.get("KUBECONFIG"):
        pytest.skip('no cluster: eval "$(../shared/kubernetes/up.sh)" sets KUBECONFIG')
    if not (KIT / "build-image.sh").exists():
        pytest.skip("no image builder beside this checkout")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    built = Path(tempfile.gettempdir()) / "evergreen-trainer-image"
    with built.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read() != run:
            _build()
            lock.truncate(0)
            lock.write(run)
    return TAG


def _build() -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name in ("include", "docker"):
            shutil.copytree(PROJECT / name, context / name)
        shutil.copy(PROJECT / ".dockerignore", context)
        for place in PLACES:
            (context / place).parent.mkdir(parents=True, exist_ok=True)
            (context / place).write_text(f"PASSWORD={PLANTED}\n")
        labels = {"GIT_COMMIT": commit, "VERSION": evergreen.__version__}
        options = [part for k, v in labels.items() for part in ("--build-arg", f"{k}={v}")]
        path = f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}"  # the builder looks for uv
        done = subprocess.run(
            [KIT / "build-image.sh", context, context / "docker/trainer/Dockerfile", TAG, *options],
            env={**os.environ, "PATH": path, "EVERGREEN_LEDGER_URL": f"postgresql://a:{PLANTED}@h"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
