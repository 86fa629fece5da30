"""Work that is kept by what it depends on, so that nobody does it twice and a kill loses little.

An entry is a folder named by a hash of all that its content depends on: the order lines, the keys
of the spec that matter, the model's code and ours. It is written under another name and renamed
when it is whole, so that a killed process leaves no entry or a whole one; of two that write the
same entry, the first one's stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import xgboost as xgb

import evergreen

KEY_DIGITS = 24
SOURCES = (
    "adapters/**/*.py",
    "domain/**/*.py",
    "trainer/**/*.py",
    "backtest/history.py",
    "backtest/judged.py",
    "backtest/lists.py",
    "backtest/refresh.py",
    "backtest/rows_in_memory.py",
    "backtest/shared_code.py",
    "backtest/workshop.py",
)
"""Ours, whose change may change what is kept. What is not kept, such as every decision about an
hour, is made anew each time."""


def code_version() -> str:
    """Return what names the code that makes entries: our sources, XGBoost's and Polars' version."""
    root, total = Path(evergreen.__file__).parent, hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in root.glob(pattern)):
        total.update(str(path.relative_to(root)).encode() + path.read_bytes())
    total.update(f"{evergreen.__version__} {xgb.__version__} {pl.__version__}".encode())
    return total.hexdigest()[:KEY_DIGITS]


def key_of(**parts: Any) -> str:
    """Return the name of what depends on these parts.

    Example:
        >>> key_of(a=1, b="x") == key_of(b="x", a=1)
        True
    """
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


@dataclass(frozen=True, slots=True)
class Cache:
    """Entries below a folder, by kind and key."""

    root: Path

    def find(self, kind: str, key: str) -> Path | None:
        """Return an entry's folder; None when it has not been made."""
        folder = self.root / kind / key
        return folder if folder.is_dir() else None

    @contextmanager
    def making(self, kind: str, key: str) -> Iterator[Path]:
        """Yield a folder to write an entry in; it becomes the entry when the block ends well."""
        place = self.root / kind
        place.mkdir(parents=True, exist_ok=True)
        folder = place / f".{os.getpid()}-{secrets.token_hex(4)}"
        folder.mkdir()
        try:
            yield folder
            try:
                folder.rename(place / key)
            except OSError:  # another process was first
                if not (place / key).is_dir():
                    raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what processes that are gone left half written."""
        for folder in self.root.glob("*/.*-*"):
            pid = folder.name[1:].partition("-")[0]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                shutil.rmtree(folder, ignore_errors=True)

    def clear(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.root, ignore_errors=True)
