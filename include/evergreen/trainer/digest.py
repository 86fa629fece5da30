"""Which model a run trained, by its digest: what the ledger keeps, and every reader compares."""

from __future__ import annotations

from evergreen.trainer import fit
from evergreen.trainer.choice import best_variant
from evergreen.trainer.manifest import RunDir


def trained_digest(run_dir: str) -> str:
    """Return the SHA-256 of the model that meets the gate.

    Raises:
        ManifestInvalid: a variant has not been trained.
        NoVariantTrained: every one was skipped.
    """
    run = RunDir(run_dir)
    variant = best_variant(run, run.spec())["variant"]
    return run.digest(fit.step_name(variant), fit.MODEL_FILE)
