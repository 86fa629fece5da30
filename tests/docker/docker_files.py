"""What is in docker/: pins, YAML and Dockerfiles, read as tests want them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from evergreen.config.settings import PROJECT

DOCKER = PROJECT / "docker"
MANIFESTS = DOCKER / "kubernetes"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    """Return a requirements file's packages and versions; `a==1 ; marker` gives `{"a": "1"}`."""
    return dict(PIN.findall(path.read_text()))


def instructions(path: Path) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions with their texts, without comments, lines joined."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [(name.upper(), " ".join(text.split())) for name, _, text in found]


def values_of(path: Path, name: str) -> list[str]:
    """Return the texts of all instructions of that name."""
    return [text for found, text in instructions(path) if found == name]


def manifests() -> list[dict[str, Any]]:
    """Return every object of docker/kubernetes/, in the order in which kubectl applies them."""
    paths = sorted(MANIFESTS.iterdir())
    return [body for path in paths for body in yaml.safe_load_all(path.read_text()) if body]


def manifest(kind: str, name: str) -> dict[str, Any]:
    """Return the one object of that kind and name."""
    (found,) = (m for m in manifests() if (m["kind"], m["metadata"]["name"]) == (kind, name))
    return found


def load(name: str) -> dict[str, Any]:
    """Return one YAML file of docker/."""
    return dict(yaml.safe_load((DOCKER / name).read_text()))
