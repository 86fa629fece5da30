"""Freeze a window: which files one retraining learns from, and the run key they give."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import evergreen
from evergreen.adapters.lake import HourClosing, Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import Settings
from evergreen.config.train_spec import FRESH
from evergreen.domain.errors import WindowEmpty, WindowInvalid
from evergreen.domain.windows import Window, hour_key
from evergreen.trainer.left_out import TABLE, ClosedHours, closed_hours
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.model_code import code_digest

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger  # the trainer's image has no SQLAlchemy

KEY_DIGITS = 16
TRAIN_NOT_IN_KEY = {"deadline"}  # when people are told, not what is learned
IN_KEY = ("lake", "window", "files", "missing_hours", "code", "evergreen", "image")
SPEC_IN_KEY = {"model", "columns", "features", "train", "gate"}  # what a trained version rests on


def freeze_window(
    spec: ModelSpec,
    *,
    lake: Lake,
    ledger: Ledger,
    settings: Settings,
    until: datetime | None = None,
    window: timedelta | None = None,
    force: bool = False,
    reason: str = "",
    trigger: str = "manual",
) -> dict[str, Any]:
    """Write the manifest of a retraining, and return its run key and directory.

    The same files, spec, features code and version of Evergreen give the same run key, and so the
    same run: asking again is asking for its result. What `fresh_24h` continues from is the champion
    of the first time. Closed hours in quarantine are left out: that changes the files, and so the
    run key.

    Args:
        until: End of the window; default: the end of the newest closed and mature hour.
        window: How much of it is trained and judged on; default: `train.window`.
        force: Train again what was trained before, as a run of its own.

    Raises:
        WindowEmpty: the lake holds no order in the window.
        WindowInvalid: the window is too short for validation and holdout.
        TooMuchQuarantine: too many of its closed hours are in quarantine.
    """
    length = window or spec.train.window
    if length % timedelta(days=1) or length <= spec.train.validation + spec.gate.holdout:
        raise WindowInvalid(
            f"window {length} must be whole days and longer than train.validation + gate.holdout "
            f"({spec.train.validation + spec.gate.holdout})"
        )
    end = until or _newest_mature(spec, lake)
    read = Window(end - length - spec.train.lookback, end)
    closed = closed_hours(spec, read, lake=lake, ledger=ledger)
    files = _files(closed.closings.values())
    if not any(file["rows"] for file in files):
        raise WindowEmpty(
            f"no {TABLE} in {read} of {lake.url}; land hours, or ask for another window"
        )
    body: dict[str, Any] = {
        "model": spec.model,
        "lake": lake.url,
        "window": {"start": (end - length).isoformat(), "end": end.isoformat()},
        "lookback_start": read.start.isoformat(),
        "files": files,
        "spec": spec.model_dump(mode="json", by_alias=True),
        "code": code_digest(settings.models_dir, spec.model),
        "evergreen": evergreen.__version__,
        "image": spec.compute.image or settings.pod_image,
        "missing_hours": [hour_key(hour) for hour in _holes(closed, read)],
        "quarantined_hours": [hour_key(hour) for hour in closed.quarantined],
        "quarantined_impressions": _quarantined_impressions(spec, read, ledger),
        "frozen_at": datetime.now(UTC).isoformat(),
        "attempt": 0,
        "model_digests": _model_digests(spec, ledger),
        **({"base": _base(spec, ledger)} if FRESH in spec.train.variants else {}),
    }
    key = run_key(body)
    while force and ledger.run(key) is not None:
        body["attempt"] = body["attempt"] + 1
        key = run_key(body)
    run_dir = RunDir(f"{settings.runs_root(spec.model)}/{key}")
    run_dir.write_manifest({**body, "run_key": key})
    summary = {
        "run_key": key,
        "run_dir": run_dir.url,
        "window": body["window"],
        "rows": sum(file["rows"] for file in files),
        "files": len(files),
        "missing_hours": body["missing_hours"],
        "quarantined_hours": body["quarantined_hours"],
        "reason": reason,
    }
    ledger.open_run(spec.model, key, trigger=trigger, manifest=summary)
    return summary


def run_key(body: dict[str, Any]) -> str:
    """Return the identity of a retraining: a hash of everything its result depends on."""
    spec = {name: body["spec"][name] for name in sorted(SPEC_IN_KEY)}
    train = {key: spec["train"][key] for key in spec["train"] if key not in TRAIN_NOT_IN_KEY}
    relevant = {
        **{name: body[name] for name in IN_KEY},
        "spec": {**spec, "train": train},
        "attempt": body["attempt"],
    }
    text = json.dumps(relevant, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def _newest_mature(spec: ModelSpec, lake: Lake) -> datetime:
    newest = lake.newest_closed_hour(TABLE)
    if newest is None:
        raise WindowEmpty(f"{lake.url}/{TABLE} has no closed hour; land hours first")
    return spec.lake.mature_end(newest)


def _base(spec: ModelSpec, ledger: Ledger) -> dict[str, Any] | None:
    """Return the champion that `fresh_24h` continues from. It is not in the run key: the same
    window stays the same run when another version has come to power since."""
    champion = ledger.champion(spec.model)
    if champion is None:
        return None
    return {"version": champion.version, "as_of": champion.as_of.isoformat()}


def _model_digests(spec: ModelSpec, ledger: Ledger) -> dict[str, str]:
    """Return the digest of every released version's model: steps in pods have no ledger."""
    versions = {release.version for release in ledger.releases(spec.model)}
    found = {str(v): ledger.model_digest(spec.model, v) for v in sorted(versions)}
    return {version: digest for version, digest in found.items() if digest}


def _quarantined_impressions(spec: ModelSpec, window: Window, ledger: Ledger) -> dict[str, int]:
    """Return hour to generation of the impressions in quarantine: steps in pods have no ledger."""
    records = ledger.quarantine_records(spec.model, window)
    return {hour_key(r.hour): r.generation for r in records if r.table == "impressions"}


def _files(closings: Iterable[HourClosing]) -> list[dict[str, Any]]:
    """Return the data files of closed hours, with size, rows and generation."""
    return [
        {**asdict(file), "generation": closing.generation}
        for closing in closings
        for file in closing.files
    ]


def _holes(closed: ClosedHours, window: Window) -> list[datetime]:
    """Return the window's hours that are not closed although an earlier one is."""
    first = closed.first or window.end
    return [hour for hour in window.hours() if hour >= first and hour not in closed]
