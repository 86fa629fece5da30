"""Evaluation reports: what the gate weighed, as a page and as JSON, below the run directory."""

from __future__ import annotations

import re

from evergreen.adapters.data_docs import MOUNT
from evergreen.domain.errors import RunUnreachable

PAGE, BODY = "report.html", "report.json"
RUN_KEY = re.compile(r"[0-9a-z]{1,64}")
CHAMPION = re.compile(r"0|[1-9]\d{0,8}")
"""The version that was compared with; 0 is none."""


def report_folder(champion: int | None) -> str:
    """Return the report's folder below the run directory.

    Example:
        >>> report_folder(3)
        'gate/champion=3'
    """
    return f"gate/champion={champion or 0}"


def report_path(model: str, run_key: str, champion: int | None) -> str:
    """Return where the panel serves the page, from the root of Airflow's own URL.

    Example:
        >>> report_path("also_bought", "0a1b", None)
        '/evergreen/reports/also_bought/0a1b/0'
    """
    return f"{MOUNT}/reports/{model}/{run_key}/{champion or 0}"


class Reports:
    """The evaluation reports of one model.

    Args:
        root: `settings().runs_root(model)`; a local path or any fsspec URL.

    Raises:
        RunUnreachable: by every method, when the place cannot be reached.
    """

    def __init__(self, root: str) -> None:
        from evergreen.adapters.files import Files  # fsspec: DAG files only ask for an address

        self._files = Files(root, error=RunUnreachable)

    def read(self, run_key: str, champion: str, name: str = PAGE) -> bytes:
        """Return the page or the JSON.

        Raises:
            FileNotFoundError: there is none, or a name leads elsewhere.
        """
        known = RUN_KEY.fullmatch(run_key) and CHAMPION.fullmatch(champion)
        if not known or name not in (PAGE, BODY):
            raise FileNotFoundError(f"no report {name!r} of run {run_key!r}, {champion!r}")
        return self._files.read(f"{run_key}/{report_folder(int(champion))}/{name}")
