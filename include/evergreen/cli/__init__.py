"""The command line: `evergreen …`. Every command takes `--json`."""

from evergreen.cli.root import app, main

__all__ = ["app", "main"]
