"""Validate a frozen window before anything is trained on it: complete, readable, as promised."""

from __future__ import annotations

from typing import Any

from evergreen.adapters.lake import Lake
from evergreen.domain.errors import FileCorrupt, HourNotClosed
from evergreen.trainer.freeze import TABLE
from evergreen.trainer.manifest import RunDir

NAMED = 5


def validate_window(run_dir: str) -> dict[str, Any]:
    """Check that every hour is there and that every file can be read as the manifest says.

    Raises:
        HourNotClosed: hours are missing inside the window.
        FileCorrupt: a file is broken, or holds another number of rows than when it was frozen.
        ColumnMissing, ColumnTypeWrong: a file breaks the table's contract.
    """
    run = RunDir(run_dir)
    manifest = run.manifest()
    missing = manifest.get("missing_hours", [])
    if missing:
        raise HourNotClosed(
            f"{len(missing)} hours of the training window are not closed: "
            f"{', '.join(missing[:NAMED])}{' …' if len(missing) > NAMED else ''}; land them "
            f"(an hour without events is closed with zero rows), then start the retraining again"
        )
    spec = run.spec()
    orders = Lake(manifest["lake"], spec.columns).read_files(
        TABLE, [file["path"] for file in manifest["files"]]
    )
    expected = sum(file["rows"] for file in manifest["files"])
    if orders.height != expected:
        raise FileCorrupt(
            f"the window's files hold {orders.height:,} rows, {expected:,} when it was frozen; an "
            f"hour was written over in place. Land it again, then start the retraining again"
        )
    return {"rows": orders.height, "files": len(manifest["files"])}
