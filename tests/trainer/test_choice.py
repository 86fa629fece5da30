"""The variant with the lowest validation loss, and why the others are not it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_runs import finish, make_run

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ManifestInvalid, NoVariantTrained
from evergreen.trainer.choice import best_variant, compared, in_words, variant_results

SPEC = ModelSpec.model_validate(
    {
        "model": "m",
        "description": "",
        "owner": "",
        "train": {"variants": ["recent_7d", "full_28d", "fresh_24h"]},
    }
)


def trained(variant: str, loss: float) -> dict[str, Any]:
    return {"variant": variant, "valid_logloss": loss, "rounds": 9, "train_rows": 70, "gain": {}}


def skipped(variant: str, reason: str = "no champion") -> dict[str, Any]:
    return {"variant": variant, "skipped": reason}


def best(folder: Path, *results: dict[str, Any]) -> dict[str, Any]:
    run = make_run(folder, SPEC)
    for result in results:
        finish(run, f"train/{result['variant']}", result)
    return best_variant(run, SPEC)


def test_the_lowest_loss_wins_and_skipped_ones_do_not_count(tmp_path: Path) -> None:
    results = trained("recent_7d", 0.31), trained("full_28d", 0.30), skipped("fresh_24h")
    assert best(tmp_path, *results) == trained("full_28d", 0.30)


def test_of_equals_the_first_of_the_spec_wins(tmp_path: Path) -> None:
    results = [trained(name, 0.3) for name in ("fresh_24h", "full_28d", "recent_7d")]
    assert best(tmp_path, *results)["variant"] == "recent_7d"


def test_a_variant_that_has_not_run(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match="train/fresh_24h has no _SUCCESS"):
        best(tmp_path, trained("recent_7d", 0.31), trained("full_28d", 0.30))


def test_none_was_trained(tmp_path: Path) -> None:
    words = (
        "no variant of m could be trained: recent_7d: 3 rows; full_28d: empty; "
        "fresh_24h: no champion. Ask for a longer window, or add full_28d to train.variants"
    )
    with pytest.raises(NoVariantTrained) as raised:
        best(
            tmp_path,
            skipped("recent_7d", "3 rows"),
            skipped("full_28d", "empty"),
            skipped("fresh_24h"),
        )
    assert str(raised.value) == words


def test_the_comparison_in_words(tmp_path: Path) -> None:
    results = trained("recent_7d", 0.31), trained("full_28d", 0.3), skipped("fresh_24h")
    best(tmp_path, *results)
    said = compared(variant_results(make_run(tmp_path, SPEC), SPEC))
    assert said == {
        "recent_7d": {"valid_logloss": 0.31, "rounds": 9, "train_rows": 70},
        "full_28d": {"valid_logloss": 0.3, "rounds": 9, "train_rows": 70},
        "fresh_24h": {"skipped": "no champion"},
    }
    assert in_words(said) == (
        "recent_7d 0.310000; full_28d 0.300000; fresh_24h skipped: no champion"
    )
