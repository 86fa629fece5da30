"""The evaluation report: everything that the gate weighed, as JSON and as a page.

It lies below the run directory, whoever reads it (`adapters/reports.py`), and is made again to the
same bytes by the same verdict.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from evergreen.adapters.registry import Registry
from evergreen.adapters.reports import BODY, PAGE, report_folder
from evergreen.domain.errors import EvergreenError
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.progress import say
from evergreen.trainer.report_page import report_page

SCHEMA = 1


def write_report(
    run_dir: str, verdict: Mapping[str, Any], *, registry: Registry | None = None
) -> dict[str, Any]:
    """Write `report.json` and `report.html`, log both with the version in MLflow; return the JSON.

    MLflow is asked last and may be away: that is said, and the gate goes on.

    Parameters:
        verdict: what `gate` returned.
        registry: where the version's run is; None logs nothing.

    Raises:
        RunUnreachable: the run directory cannot be written.
        ManifestInvalid: there is no frozen window.
    """
    run = RunDir(run_dir)
    body = report_body(verdict, run.manifest())
    folder = report_folder(verdict["expected"])
    files = {
        PAGE: report_page(body).encode("utf-8", "replace"),
        BODY: json.dumps(body, indent=1, allow_nan=False).encode(),
    }
    for name, data in files.items():
        run.files.write_atomic(f"{folder}/{name}", data)
    if registry is not None:
        try:
            registry.attach(body["model"], body["version"], folder, files)
        except EvergreenError as error:
            say(f"the report is not in MLflow, everything else goes on: {error}")
    return body


def report_body(verdict: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report says: the verdict without its profile, which the registry keeps.

    Numbers that JSON does not know (NaN, infinite) are null.
    """
    evidence = dict(verdict.get("evidence") or {})
    evidence.pop("profile", None)
    said = {
        "schema": SCHEMA,
        "model": manifest["model"],
        "window": manifest.get("window"),
        **{name: value for name, value in verdict.items() if name != "evidence"},
        "evidence": evidence,
    }
    cleaned: dict[str, Any] = _finite(said)
    return cleaned


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
