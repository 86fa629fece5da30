"""Rows to learn from meet Great Expectations before anything is trained on them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from made_runs import finish, make_run
from made_shop import MODEL, Shop

from evergreen.adapters.data_docs import DataDocs
from evergreen.domain.errors import DatasetRefused, ManifestInvalid
from evergreen.trainer.dataset_quality import validate_dataset
from evergreen.trainer.manifest import RunDir

ROWS = 2_000


def dataset(shop: Shop, folder: Path, *, clicked: int = 200, leak: bool = False) -> RunDir:
    """Return a run whose rows say nothing about the label, or in which one feature says all."""
    run = make_run(folder, shop.spec)
    label = [int(i < clicked) for i in range(ROWS)]
    body = {name: [float(i % 7) for i in range(ROWS)] for name in shop.spec.features.numeric}
    if leak:
        body["price"] = [float(one) for one in label]
    rows = pl.DataFrame({"label": label, **body, "weight": [1.0] * ROWS})
    finish(run, "build_dataset", {}, train=rows, valid=rows.tail(ROWS // 2))
    return run


def test_a_built_dataset_passes_and_leaves_its_pages(trained: tuple[Shop, str]) -> None:
    shop, run_dir = trained
    docs = DataDocs(shop.settings.docs_root(MODEL))
    run = f"dataset-{RunDir(run_dir).manifest()['run_key']}"
    with shop.entered():
        said = validate_dataset(run_dir, profile=None, docs=docs)
        assert validate_dataset(run_dir, profile=None, docs=docs) == said
    built = RunDir(run_dir).require("build_dataset")
    assert said == {"rows": built["train_rows"] + built["valid_rows"], "warnings": []}
    assert docs.runs() == [run]
    assert b"also_bought.training" in docs.read(run)


def test_a_feature_that_knows_the_label_is_refused(shop: Shop, tmp_path: Path) -> None:
    run = dataset(shop, tmp_path, leak=True)
    with shop.entered(), pytest.raises(DatasetRefused) as caught:
        validate_dataset(run.url, profile=None)
    text = str(caught.value)
    assert text.startswith(
        "the training frame failed its validation: training k: auc of price is 1, expected at "
        "most 0.95. Nothing was trained. Mend features.py or the orders, then start the "
    )
    assert "great_expectations/expectations/also_bought.training.json" in text


def test_rows_without_a_click_are_refused(shop: Shop, tmp_path: Path) -> None:
    run = dataset(shop, tmp_path, clicked=0)
    with shop.entered(), pytest.raises(DatasetRefused, match=r"positives is 0, expected"):
        validate_dataset(run.url, profile=None)


def test_pages_are_kept_of_what_is_refused(shop: Shop, tmp_path: Path) -> None:
    run, docs = dataset(shop, tmp_path, leak=True), DataDocs(str(tmp_path / "docs"))
    with shop.entered(), pytest.raises(DatasetRefused):
        validate_dataset(run.url, profile=None, docs=docs)
    assert docs.runs() == ["dataset-k"]


def test_nothing_was_built(shop: Shop, tmp_path: Path) -> None:
    run = make_run(tmp_path, shop.spec)
    with shop.entered(), pytest.raises(ManifestInvalid, match="run `evergreen step build_dataset"):
        validate_dataset(run.url, profile=None)
