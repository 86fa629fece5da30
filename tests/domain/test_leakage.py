"""The area under a feature's ROC curve, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evergreen.domain.leakage import MIN_EACH, auc

NAN = float("nan")


def test_the_label_itself_and_its_opposite() -> None:
    labels = np.arange(200) % 2 == 0
    assert auc(labels.astype(float), labels) == 1.0
    assert auc(-labels.astype(float), labels) == 1.0


def test_a_constant_tells_nothing() -> None:
    assert auc(np.ones(200), np.arange(200) % 2 == 0) == 0.5


def test_by_hand() -> None:
    # pairs (clicked, other): (2, 1) won, (2, 2) tied, (3, 1) won, (3, 2) won
    assert auc([1, 2, 2, 3], [0, 0, 1, 1], min_each=2) == 3.5 / 4
    # the same upside down
    assert auc([-1, -2, -2, -3], [0, 0, 1, 1], min_each=2) == 3.5 / 4


def test_missing_values_rank_lowest_and_alike() -> None:
    # clicked: missing, 5; others: missing, 1. Ties (missing, missing); 5 beats both; missing < 1
    assert auc([NAN, 5, NAN, 1], [1, 1, 0, 0], min_each=1) == 2.5 / 4
    # minus infinity is as low as missing
    assert auc([-np.inf, 5, NAN, 1], [1, 1, 0, 0], min_each=1) == 2.5 / 4
    # a value that is missing only where nobody clicked gives the label away
    labels = np.arange(200) % 4 == 0
    assert auc(np.where(labels, 0.3, NAN), labels) == 1.0


def test_too_few_of_either_label() -> None:
    values, labels = np.arange(200.0), np.zeros(200, dtype=bool)
    assert auc(values, labels) is None
    labels[: MIN_EACH - 1] = True
    assert auc(values, labels) is None
    assert auc(values, ~labels) is None
    labels[MIN_EACH - 1] = True
    assert auc(values, labels) == 1.0
    assert auc([], [], min_each=0) is None


@pytest.mark.parametrize("seed", range(5))
def test_as_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    labels = rng.random(2_000) < 0.1
    values = rng.integers(0, 40, 2_000).astype(np.float32) + 5 * labels * (-1) ** seed
    area = metrics.roc_auc_score(labels, values)
    assert auc(values, labels) == pytest.approx(max(area, 1 - area), abs=1e-12)


def test_the_share_of_clicked_rows_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    clicked, others = rng.normal(1, 1, 1_000), rng.normal(0, 1, 1_000)
    values = np.concatenate([clicked, others])
    labels = np.arange(2_000) < 1_000
    repeated = np.concatenate([clicked, np.tile(others, 3)])
    assert auc(values, labels) == pytest.approx(auc(repeated, np.arange(4_000) < 1_000))
