"""The panel's own files: scripts, styles and pictures, read once and named by their content.

Their address holds a digest of all of them, so a browser may keep them for a year and never has
half of a new version.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served; texts about licences are not."""


@cache
def assets() -> dict[str, bytes]:
    """Return path below `static/` to content."""
    found = sorted(path for path in FOLDER.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in found}


@cache
def digest() -> str:
    """Return sixteen hex digits that name the content of all files."""
    total = hashlib.sha256()
    for name, content in assets().items():
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()[:16]


def media_type(name: str) -> str:
    """Return the content type of a file that is served."""
    return TYPES[Path(name).suffix]
