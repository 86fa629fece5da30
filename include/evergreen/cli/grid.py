"""A table for terminals, and for files that a command's output goes to."""

from __future__ import annotations

from collections.abc import Sequence

import typer

PLAIN_WIDTH = 200  # columns, where nobody looks at a terminal


def print_grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under heads; long cells fold."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table()
    for head in heads:
        grid.add_column(head, overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))  # a value from the lake is no markup
    Console(width=None if typer.get_text_stream("stdout").isatty() else PLAIN_WIDTH).print(grid)
