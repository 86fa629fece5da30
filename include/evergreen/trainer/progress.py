"""What a step says while it works: one line each, to a terminal, a task log or a pod's log."""

from __future__ import annotations

import sys
import time

_started = time.monotonic()


def say(text: str, *, done: int | None = None, total: int | None = None) -> None:
    """Print a line with the seconds since the step began, and with `done`, what share is done."""
    share = f"{done}/{total} " if done is not None and total else ""
    seconds = time.monotonic() - _started
    sys.stderr.write(f"[{seconds:6.1f} s] {share}{text}\n")
    sys.stderr.flush()
