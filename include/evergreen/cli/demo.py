"""`evergreen demo`: see a recommender go stale and get itself replaced."""

from __future__ import annotations

import typer


def demo() -> None:
    """Placeholder until the demo is written below."""
    raise typer.Exit(1)
