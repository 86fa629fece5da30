"""Validate a frozen window before anything is trained on it: complete, as promised, and sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evergreen.adapters.lake import Lake
from evergreen.domain.errors import FileCorrupt, HourNotClosed
from evergreen.trainer.left_out import NAMED, TABLE
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.window_quality import FrozenHours, judge_new_hours, require_released

if TYPE_CHECKING:
    from evergreen.adapters.data_docs import DataDocs
    from evergreen.adapters.ledger import Ledger


def validate_window(
    run_dir: str, *, ledger: Ledger, docs: DataDocs | None = None
) -> dict[str, Any]:
    """Check that every hour is there, that it passes the model's suite of orders, and its files.

    Hours that were validated before at the very generation of the manifest are not validated
    again. Hours that fail now go into quarantine, and with them the window is refused: started
    again, the retraining leaves them out.

    Parameters:
        docs: where the pages of this validation are kept; None keeps none.

    Raises:
        HourNotClosed: hours are missing inside the window.
        WindowRefused: hours are in quarantine now, or were landed again and not validated.
        FileCorrupt: a file is broken, or holds another number of rows than when it was frozen.
        ColumnMissing, ColumnTypeWrong: a file breaks the table's contract.
    """
    run = RunDir(run_dir)
    manifest = run.manifest()
    _require_whole(manifest.get("missing_hours", []))
    lake = Lake(manifest["lake"], run.spec().columns)
    hours = FrozenHours.of(manifest)
    judged = judge_new_hours(hours, lake=lake, ledger=ledger, docs=docs)
    require_released(hours, ledger)
    orders = lake.read_files(TABLE, [file["path"] for file in manifest["files"]])
    expected = sum(file["rows"] for file in manifest["files"])
    if orders.height != expected:
        raise FileCorrupt(
            f"the window's files hold {orders.height:,} rows, {expected:,} when it was frozen; an "
            f"hour was written over in place. Land it again, then start the retraining again"
        )
    return {
        "rows": orders.height,
        "files": len(manifest["files"]),
        "hours_validated": judged,
        "quarantined_hours": manifest.get("quarantined_hours", []),
    }


def _require_whole(missing: list[str]) -> None:
    if missing:
        raise HourNotClosed(
            f"{len(missing)} hours of the training window are not closed: "
            f"{', '.join(missing[:NAMED])}{' …' if len(missing) > NAMED else ''}; land them "
            f"(an hour without events is closed with zero rows), then start the retraining again"
        )
