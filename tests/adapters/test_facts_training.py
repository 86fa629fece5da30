"""Facts of the rows to learn from: as counted by hand, over more than one file and batch."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from made_facts import training
from made_profile import profile_of

from evergreen.adapters import facts_training
from evergreen.adapters.facts_training import TRAINING_FACTS, training_facts
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.bins import NumericBins
from evergreen.domain.profile import ReferenceProfile

ROWS = 1_000


def spec() -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "model": "shop",
            "description": "d",
            "owner": "o",
            "features": {"numeric": ["price", "leak", "flat", "stock"]},
        }
    )


def rows() -> pl.DataFrame:
    """Return rows of which one in ten is clicked."""
    label = [int(i % 10 == 0) for i in range(ROWS)]
    return pl.DataFrame(
        {
            "label": pl.Series(label, dtype=pl.Int8),
            "price": [None if i % 4 == 1 else float((i // 10) % 7) for i in range(ROWS)],
            "leak": [one + 0.1 for one in label],
            "flat": [2.0] * ROWS,
            "stock": [float("nan") if i % 2 else float(i) for i in range(ROWS)],
            "weight": [1.0] * ROWS,
        }
    )


def write(frame: pl.DataFrame, folder: Path) -> list[Path]:
    """Write the rows as two files."""
    parts = {"train": frame.head(700), "valid": frame.tail(-700)}
    for name, part in parts.items():
        part.write_parquet(folder / f"{name}.parquet")
    return [folder / f"{name}.parquet" for name in parts]


@pytest.fixture
def profile() -> ReferenceProfile:
    """One that never missed a price, missed half of the stocks, and knew `flat` to vary."""
    numeric = (NumericBins(edges=(1.0, 3.0)), (40, 40, 20, 0))
    stock = (NumericBins(edges=(1.0, 3.0)), (20, 10, 20, 50))
    return profile_of({"price": numeric, "leak": numeric, "flat": numeric, "stock": stock})


def by_subject(facts: pl.DataFrame) -> dict[str, dict[str, object]]:
    return {row["subject"]: row for row in facts.iter_rows(named=True)}


@pytest.mark.parametrize("batch", [64, 200_000])
def test_as_counted_by_hand(
    tmp_path: Path, profile: ReferenceProfile, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(facts_training, "BATCH_ROWS", batch)
    facts = by_subject(training_facts(write(rows(), tmp_path), spec(), profile, scope="a1"))
    assert set(facts) == {"", "price", "leak", "flat", "stock"}
    assert (facts[""]["rows"], facts[""]["positives"], facts[""]["scope"]) == (ROWS, 0.1, "a1")
    assert {facts[name]["rows"] for name in facts} == {ROWS}
    price, leak, flat, stock = (facts[name] for name in ("price", "leak", "flat", "stock"))
    assert (price["missing_share"], price["missing_excess"]) == (0.25, 0.25)
    assert (stock["missing_share"], stock["missing_excess"]) == (0.5, 0.0)
    assert (leak["auc"], leak["constant"]) == (1.0, False)
    assert (flat["auc"], flat["constant"]) == (0.5, True)
    assert (price["infinite"], stock["constant"]) == (0, False)


def test_without_a_champion_nothing_is_compared(tmp_path: Path) -> None:
    facts = by_subject(training_facts(write(rows(), tmp_path), spec(), None, scope="a1"))
    assert (facts["flat"]["constant"], facts["price"]["missing_excess"]) == (None, None)
    assert facts["price"]["missing_share"] == 0.25


def test_an_infinite_value_is_counted(tmp_path: Path) -> None:
    some = pl.when(pl.int_range(pl.len()) == 900).then(float("inf")).otherwise(pl.col("flat"))
    files = write(rows().with_columns(some.alias("flat")), tmp_path)
    assert by_subject(training_facts(files, spec(), None, scope="a1"))["flat"]["infinite"] == 1


def test_no_rows(tmp_path: Path) -> None:
    facts = training_facts(write(rows().clear(), tmp_path), spec(), None, scope="a1")
    assert by_subject(facts).keys() == {""}
    assert facts.row(0, named=True)["rows"] == 0
    assert facts.row(0, named=True)["positives"] is None


def test_it_has_the_columns_that_the_suites_are_tested_with() -> None:
    assert set(training().columns) == set(TRAINING_FACTS)
