"""What is shown and clicked, on baskets small enough to do by hand."""

import numpy as np
import pytest

from evergreen.domain.serving import BasketIndex, PageViews, show


def views(*rows):
    basket, line, row = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return PageViews(basket=basket, line=line, row=row)


@pytest.fixture
def index():
    """Basket 0: items 0 1 2 1 3 (1 twice). Basket 1: items 4 0."""
    return BasketIndex.of(
        [1, 0, 0, 0, 1, 0, 0], [4, 0, 1, 2, 0, 1, 3], [0, 0, 1, 2, 1, 3, 4], n_items=6
    )


def test_leaves_out_what_is_in_the_basket_and_clicks_what_comes_later(index):
    lists = np.array([[0, 1, 5, 3, 2]])
    shown = show(index, views((0, 0, 0), (0, 2, 0), (1, 0, 0)), lists, k=3)
    assert shown.item.tolist() == [[1, 5, 3], [5, 3, -1], [0, 1, 5]]
    assert shown.rank_in_list.tolist() == [[1, 2, 3], [2, 3, -1], [0, 1, 2]]
    assert shown.clicked.tolist() == [
        [True, False, True],
        [False, True, False],
        [True, False, False],
    ]


def test_an_item_bought_twice_counts_from_its_first_line(index):
    shown = show(index, views((0, 1, 0), (0, 0, 0)), np.array([[1]]), k=1)
    assert shown.item.tolist() == [[-1], [1]]
    assert shown.clicked.tolist() == [[False], [True]]


def test_padding_is_skipped_wherever_it_stands(index):
    shown = show(
        index, views((0, 4, 0), (0, 4, 1)), np.array([[-1, 5, -1, 4], [-1, -1, -1, -1]]), k=2
    )
    assert shown.item.tolist() == [[5, 4], [-1, -1]]
    assert shown.rank_in_list.tolist() == [[1, 3], [-1, -1]]
    assert not shown.clicked.any()


def test_a_padded_candidate_is_not_the_last_item_of_the_basket_before():
    # -1 in basket 1 has the key of item n_items - 1 in basket 0
    index = BasketIndex.of([0, 0, 1], [0, 1, 0], [0, 1, 0], n_items=2)
    shown = show(index, views((1, 0, 0)), np.array([[-1, 1]]), k=2)
    assert shown.item.tolist() == [[1, -1]]
    assert shown.clicked.tolist() == [[False, False]]


def test_row_minus_one_offers_nothing(index):
    shown = show(index, views((0, 0, -1), (0, 0, 0)), np.array([[5]]), k=1)
    assert shown.item.tolist() == [[-1], [5]]


def test_the_last_line_of_a_basket_is_never_clicked(index):
    shown = show(index, views((0, 4, 0), (1, 1, 0)), np.array([[0, 1, 2, 3, 4, 5]]), k=5)
    assert shown.item.tolist() == [[4, 5, -1, -1, -1], [1, 2, 3, 5, -1]]
    assert not shown.clicked.any()


def test_relevant_count_is_the_distinct_items_of_later_lines(index):
    page_views = views((0, 0, 0), (0, 1, 0), (0, 2, 0), (0, 3, 0), (0, 4, 0), (1, 0, 0), (1, 1, 0))
    # item 1 comes back on line 3: it is not new there
    assert index.relevant_count(page_views).tolist() == [3, 2, 1, 1, 0, 1, 0]


def test_no_page_views_no_candidates_no_baskets(index):
    assert show(index, views(), np.array([[1]]), k=5).item.shape == (0, 5)
    assert show(index, views((0, 0, 0)), np.empty((1, 0)), k=2).item.tolist() == [[-1, -1]]
    empty = BasketIndex.of([], [], [], n_items=3)
    shown = show(empty, views((0, 0, 0)), np.array([[2, 1]]), k=1)
    assert shown.item.tolist() == [[2]]
    assert empty.relevant_count(views((0, 0, 0))).tolist() == [0]


def test_agrees_with_the_definition_said_slowly():
    rng = np.random.default_rng(7)
    baskets = [rng.integers(0, 12, size=rng.integers(1, 9)).tolist() for _ in range(60)]
    rows = [(b, i, line) for b, items in enumerate(baskets) for line, i in enumerate(items)]
    basket, item, line = np.array(rows).T
    index = BasketIndex.of(basket, item, line, n_items=12)
    lists = np.array([rng.permutation(12)[:8] for _ in range(12)])
    page_views = PageViews(basket=basket, line=line, row=item)
    shown = show(index, page_views, lists, k=4)
    counts = index.relevant_count(page_views)
    for view, (b, context, at) in enumerate(rows):
        held, later = set(baskets[b][: at + 1]), set(baskets[b][at + 1 :])
        expected = [c for c in lists[context].tolist() if c not in held][:4]
        assert [c for c in shown.item[view].tolist() if c >= 0] == expected
        assert shown.clicked[view, : len(expected)].tolist() == [c in later for c in expected]
        assert counts[view] == len(later - held)


def test_codes_beyond_the_catalogue_are_refused(index):
    with pytest.raises(ValueError, match="candidate 6 is not below n_items=6"):
        show(index, views((0, 0, 0)), np.array([[6]]), k=1)
    with pytest.raises(ValueError, match="item code 3 is not below n_items=3"):
        BasketIndex.of([0], [3], [0], n_items=3)
