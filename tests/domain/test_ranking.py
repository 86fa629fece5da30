"""Hit and NDCG by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from evergreen.domain.ranking import hit_at_k, ndcg_at_k


def test_by_hand() -> None:
    clicked = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
    assert hit_at_k(clicked).tolist() == [1, 0, 1, 1]
    ideal_2, ideal_3 = 1 + 1 / np.log2(3), 1 + 1 / np.log2(3) + 0.5
    assert ndcg_at_k(clicked, np.array([2, 4, 3, 9])).tolist() == pytest.approx(
        [1.5 / ideal_2, 0, 1, (1 / np.log2(3)) / ideal_3]
    )


def test_as_scikit_learn_says() -> None:
    rng = np.random.default_rng(5)
    relevance = rng.random((200, 12)) < 0.3
    relevance[:, 0] |= ~relevance.any(axis=1)
    order = np.tile(-np.arange(12.0), (200, 1))
    wanted = [
        ndcg_score(truth[None], score[None], k=5)
        for truth, score in zip(relevance, order, strict=True)
    ]
    assert ndcg_at_k(relevance[:, :5], relevance.sum(axis=1)).tolist() == pytest.approx(wanted)


def test_nothing_to_find_is_nan() -> None:
    assert np.isnan(ndcg_at_k(np.zeros((1, 5), dtype=bool), np.array([0]))).all()


def test_no_page_views() -> None:
    nothing = np.zeros((0, 5), dtype=bool)
    assert hit_at_k(nothing).size == 0
    assert ndcg_at_k(nothing, np.zeros(0, dtype=np.int64)).size == 0


def test_a_list_of_one() -> None:
    clicked = np.array([[True], [False]])
    assert ndcg_at_k(clicked, np.array([7, 7])).tolist() == [1.0, 0.0]
