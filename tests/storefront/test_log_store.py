"""A sales log is imported once and kept."""

import json

import pytest
from made_logs import write_csv

from evergreen.domain.errors import SalesLogInvalid
from evergreen.storefront import log_store
from evergreen.storefront.log_store import import_log, imported_log, load_orders

LINE = ("1", "22086", "MUG", 6, "2010-12-01 08:26:00", 2.55, "17850", "EIRE")
POSTAGE = ("1", "POST", "POSTAGE", 1, "2010-12-01 08:26:00", 18, "17850", "EIRE")


def test_import_keeps_orders_and_says_what_it_did(tmp_path):
    path = write_csv(tmp_path / "log.csv", [LINE, POSTAGE])
    said = import_log(path, home=tmp_path)
    assert (said.source, said.lines_read, said.lines_kept) == (str(path), 2, 1)
    assert (said.orders, said.items, said.customers) == (1, 1, 1)
    assert said.dropped["not a product"] == 1
    assert said.first == said.last == "2010-12-01T08:26:00+00:00"
    assert load_orders(tmp_path)["item_id"].to_list() == ["22086"]
    assert json.loads((tmp_path / "storefront" / "import.json").read_text())["lines_kept"] == 1
    assert imported_log(tmp_path) == said


def test_the_same_log_again_is_not_read_again(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "log.csv", [LINE])
    said = import_log(path, home=tmp_path)
    monkeypatch.setattr(log_store.sales_log, "read_sales_log", None)
    assert import_log(path, home=tmp_path) == said


def test_a_changed_log_is_read_again(tmp_path):
    path = write_csv(tmp_path / "log.csv", [LINE])
    before = import_log(path, home=tmp_path)
    after = import_log(write_csv(path, [LINE, ("2", *LINE[1:])]), home=tmp_path)
    assert (before.orders, after.orders) == (1, 2)
    assert before.digest != after.digest


def test_without_a_path_it_is_the_built_in_shop(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "log.csv", [LINE])
    made = log_store.sales_log.read_sales_log(path)
    monkeypatch.setattr(log_store.shop, "built_in_log", lambda seed: made)
    assert import_log(None, home=tmp_path).source == "built-in shop"


def test_nothing_imported(tmp_path):
    assert imported_log(tmp_path) is None
    with pytest.raises(SalesLogInvalid, match="run `evergreen storefront import`"):
        load_orders(tmp_path)


def test_a_log_without_one_sale_is_refused_and_the_old_one_stays(tmp_path):
    import_log(write_csv(tmp_path / "log.csv", [LINE]), home=tmp_path)
    with pytest.raises(SalesLogInvalid, match=r"no line of 1 is a sale .* not a product 1"):
        import_log(write_csv(tmp_path / "post.csv", [POSTAGE]), home=tmp_path)
    assert load_orders(tmp_path).height == 1


def test_an_import_that_was_killed_is_done_again(tmp_path):
    path = write_csv(tmp_path / "log.csv", [LINE])
    import_log(path, home=tmp_path)
    (tmp_path / "storefront" / "import.json").unlink()
    assert import_log(path, home=tmp_path).orders == 1


def test_a_home_that_cannot_be_written(tmp_path):
    (tmp_path / "storefront").write_text("a file where the folder should be")
    with pytest.raises(SalesLogInvalid, match="set EVERGREEN_HOME"):
        import_log(write_csv(tmp_path / "log.csv", [LINE]), home=tmp_path)
