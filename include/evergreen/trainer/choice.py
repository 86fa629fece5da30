"""Which variant meets the holdout: the one that is best on the validation rows."""

from __future__ import annotations

from typing import Any

from evergreen.config.model_spec import ModelSpec
from evergreen.config.train_spec import FULL
from evergreen.domain.errors import NoVariantTrained
from evergreen.trainer import fit
from evergreen.trainer.manifest import RunDir


def best_variant(run: RunDir, spec: ModelSpec) -> dict[str, Any]:
    """Return the training result of the variant with the lowest validation loss.

    All were judged on the same rows, `valid.parquet` of the run's one data set. Of equals the one
    that `train.variants` names first wins.

    Raises:
        ManifestInvalid: a variant has not been trained.
        NoVariantTrained: every one was skipped; the text has all reasons.
    """
    results = variant_results(run, spec)
    trained = [result for result in results if "skipped" not in result]
    if not trained:
        reasons = "; ".join(f"{result['variant']}: {result['skipped']}" for result in results)
        raise NoVariantTrained(
            f"no variant of {spec.model} could be trained: {reasons}. Ask for a longer window, or "
            f"add {FULL} to train.variants"
        )
    return min(trained, key=lambda result: float(result["valid_logloss"]))


def variant_results(run: RunDir, spec: ModelSpec) -> list[dict[str, Any]]:
    """Return what training said of every variant, in the spec's order."""
    return [run.require(fit.step_name(variant)) for variant in spec.train.variants]


def compared(results: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return for each variant what speaks for it, or why it was skipped."""
    names = ("valid_logloss", "rounds", "train_rows", "skipped")
    return {
        result["variant"]: {name: result[name] for name in names if name in result}
        for result in results
    }


def in_words(comparison: dict[str, dict[str, Any]]) -> str:
    """Return the comparison as one line.

    Example: `full_28d 0.312340; fresh_24h skipped: no champion to continue from`.
    """
    return "; ".join(
        f"{name} skipped: {said['skipped']}"
        if "skipped" in said
        else f"{name} {said['valid_logloss']:.6f}"
        for name, said in comparison.items()
    )
