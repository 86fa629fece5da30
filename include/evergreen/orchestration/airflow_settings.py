"""Reads `airflow_settings.yaml` (the Astro CLI's form), so that a plain Airflow gets the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evergreen.config.settings import PROJECT
from evergreen.domain.errors import SettingsInvalid

FILE = PROJECT / "airflow_settings.yaml"
CONNECTION_KEYS = {  # the Astro CLI's key: Airflow's key
    "conn_type": "conn_type",
    "conn_host": "host",
    "conn_schema": "schema",
    "conn_login": "login",
    "conn_password": "password",
    "conn_port": "port",
    "conn_extra": "extra",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A number of slots that tasks share."""

    name: str
    slots: int
    description: str


def environment(path: Path = FILE) -> dict[str, str]:
    """Return connections and variables as the environment variables that Airflow reads.

    Entries without a name, as the Astro CLI writes them into a new file, are left out.

    Raises:
        SettingsInvalid: the file is not there, or not of this form.
    """
    found: dict[str, str] = {}
    for entry in _entries(path, "connections"):
        if entry.get("conn_id"):
            parts = {new: entry[old] for old, new in CONNECTION_KEYS.items() if entry.get(old)}
            found[f"AIRFLOW_CONN_{entry['conn_id'].upper()}"] = json.dumps(parts)
    for entry in _entries(path, "variables"):
        if entry.get("variable_name"):
            name = entry["variable_name"].upper()
            found[f"AIRFLOW_VAR_{name}"] = str(entry.get("variable_value", ""))
    return found


def pools(path: Path = FILE) -> list[Pool]:
    """Return the declared pools.

    Raises:
        SettingsInvalid: the file is not there, or not of this form.
    """
    return [
        Pool(
            name=entry["pool_name"],
            slots=int(entry.get("pool_slot") or 1),
            description=str(entry.get("pool_description") or ""),
        )
        for entry in _entries(path, "pools")
        if entry.get("pool_name")
    ]


def _entries(path: Path, section: str) -> list[Mapping[str, Any]]:
    try:
        content = yaml.safe_load(path.read_bytes()) or {}
    except OSError as error:
        raise SettingsInvalid(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"{path} is not YAML: {error}") from None
    try:
        entries = content["airflow"][section] or []
        return [dict(entry) for entry in entries]
    except (KeyError, TypeError, ValueError):
        raise SettingsInvalid(
            f"{path}: expected a list `airflow: {section}:` as the Astro CLI writes it"
        ) from None
