"""Every spelling of a sales log ends in the same eight columns."""

from datetime import UTC, datetime

import polars as pl
import pytest
from made_logs import HEADER, write_csv, write_xlsx

from evergreen.domain.errors import SalesLogInvalid
from evergreen.storefront.sales_log import COLUMNS, read_sales_log

LINE = ("536365", "85123A", "WHITE HEART", 6, "2010-12-01 08:26:00", 2.55, "17850.0", "EIRE")


def times(log):
    return [moment.strftime("%Y-%m-%d %H:%M") for moment in log["InvoiceDate"]]


def test_csv_keeps_order_and_types(tmp_path):
    later = ("C536366", "85123a ", "", -6, "2010-12-01 08:20:00", 2.55, "", "EIRE")
    log = read_sales_log(write_csv(tmp_path / "log.csv", [LINE, later]))
    assert dict(log.schema) == COLUMNS
    assert log.row(0) == (
        "536365",
        "85123A",
        "WHITE HEART",
        6,
        datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
        2.55,
        "17850",
        "EIRE",
    )
    assert log["StockCode"].to_list() == ["85123A", "85123a"]
    assert log["Description"][1] is None
    assert log["CustomerID"][1] is None


def test_second_version_spells_three_columns_otherwise(tmp_path):
    other = {"InvoiceNo": "Invoice", "UnitPrice": "Price", "CustomerID": "Customer ID"}
    header = [other.get(name, name) for name in HEADER]
    log = read_sales_log(write_csv(tmp_path / "v2.csv", [LINE], header))
    assert log.columns == HEADER
    assert log["UnitPrice"][0] == 2.55


def test_latin_1_and_utf_8_with_a_byte_order_mark(tmp_path):
    pound = (*LINE[:2], "VOUCHER £20", *LINE[3:])
    for name, encoding in (("a.csv", "latin-1"), ("b.csv", "utf-8"), ("c.csv", "utf-8-sig")):
        log = read_sales_log(write_csv(tmp_path / name, [pound], encoding=encoding))
        assert log["Description"][0] == "VOUCHER £20"
        assert log["InvoiceNo"][0] == "536365"


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    write_csv(tmp_path / "2010-12-02.csv", [("2", *LINE[1:])])
    write_csv(tmp_path / "2010-12-01.csv", [("1", *LINE[1:])])
    (tmp_path / "notes.txt").write_text("not a log")
    assert read_sales_log(tmp_path)["InvoiceNo"].to_list() == ["1", "2"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2010-12-01T08:26:00", "2010-12-01T09:00:30"], ["2010-12-01 08:26", "2010-12-01 09:00"]),
        (["2010-12-01 08:26"], ["2010-12-01 08:26"]),
        (["12/1/2010 8:26", "12/13/2010 8:26"], ["2010-12-01 08:26", "2010-12-13 08:26"]),
        (["1/12/2010 8:26", "13/12/2010 8:26"], ["2010-12-01 08:26", "2010-12-13 08:26"]),
        # both ways can be read: only the month first does not go back in time
        (["1/12/2011 8:26", "2/3/2011 8:26"], ["2011-01-12 08:26", "2011-02-03 08:26"]),
        # only the day first does not
        (["12/1/2011 8:26", "3/2/2011 8:26"], ["2011-01-12 08:26", "2011-02-03 08:26"]),
        (["2011-01-12 08:26:00.250"], ["2011-01-12 08:26"]),
    ],
)
def test_dates_in_every_spelling(tmp_path, texts, expected):
    rows = [(*LINE[:4], text, *LINE[5:]) for text in texts]
    assert times(read_sales_log(write_csv(tmp_path / "log.csv", rows))) == expected


def test_parquet_with_typed_columns(tmp_path):
    frame = pl.DataFrame(
        {
            "InvoiceNo": [536365],
            "StockCode": ["22086"],
            "Description": [None],
            "Quantity": [80],
            "InvoiceDate": [datetime(2010, 12, 1, 9, 0)],  # noqa: DTZ001  (as shops export it)
            "UnitPrice": [2.55],
            "CustomerID": [13748.0],
            "Country": ["United Kingdom"],
        }
    )
    frame.write_parquet(tmp_path / "log.parquet")
    log = read_sales_log(tmp_path / "log.parquet")
    moment = datetime(2010, 12, 1, 9, 0, tzinfo=UTC)
    assert log.row(0) == (*("536365", "22086", None, 80, moment, 2.55, "13748", "United Kingdom"),)


def test_xlsx_with_all_its_sheets(tmp_path):
    serial = 40513.3513888889  # 2010-12-01 08:26 as Excel counts days
    first = [536365, "85123A", "HEART", 6, serial, 2.55, 17850, "EIRE"]
    second = ["C536379", 22086, None, -1, serial + 1, 27.5, None, "EIRE"]
    book = {"Year 2009-2010": [HEADER, first], "Year 2010-2011": [HEADER, second]}
    log = read_sales_log(write_xlsx(tmp_path / "log.xlsx", book))
    assert log["InvoiceNo"].to_list() == ["536365", "C536379"]
    assert log["StockCode"].to_list() == ["85123A", "22086"]
    assert log["Quantity"].to_list() == [6, -1]
    assert log["CustomerID"].to_list() == ["17850", None]
    assert times(log) == ["2010-12-01 08:26", "2010-12-02 08:26"]


def test_what_is_no_number_is_null(tmp_path):
    log = read_sales_log(
        write_csv(tmp_path / "log.csv", [(*LINE[:3], "many", LINE[4], "free", *LINE[6:])])
    )
    assert log["Quantity"][0] is None
    assert log["UnitPrice"][0] is None


class TestErrors:
    def test_no_such_path(self, tmp_path):
        with pytest.raises(SalesLogInvalid, match=r"nothing\.csv does not exist; give a file"):
            read_sales_log(tmp_path / "nothing.csv")

    def test_empty_folder(self, tmp_path):
        with pytest.raises(SalesLogInvalid, match=r"holds no sales log: expected \.parquet, \.csv"):
            read_sales_log(tmp_path)

    def test_unknown_format(self, tmp_path):
        (tmp_path / "log.json").write_text("{}")
        with pytest.raises(SalesLogInvalid, match=r"unknown format '\.json'; expected"):
            read_sales_log(tmp_path / "log.json")

    def test_missing_column_names_what_was_found(self, tmp_path):
        path = write_csv(tmp_path / "log.csv", [("1", "2")], ["InvoiceNo", "Sku"])
        with pytest.raises(SalesLogInvalid, match=r"column StockCode, .* found InvoiceNo, Sku"):
            read_sales_log(path)

    def test_an_unreadable_date_is_shown(self, tmp_path):
        rows = [LINE, (*LINE[:4], "1st of May", *LINE[5:])]
        with pytest.raises(
            SalesLogInvalid, match=r"InvoiceDate '1st of May' .*\(1 lines like it\)"
        ):
            read_sales_log(write_csv(tmp_path / "log.csv", rows))

    @pytest.mark.parametrize("ending", [".parquet", ".xlsx", ".csv"])
    def test_a_file_that_is_not_what_its_name_says(self, tmp_path, ending):
        path = tmp_path / f"log{ending}"
        path.write_bytes(b"" if ending == ".csv" else b"not this format")
        with pytest.raises(SalesLogInvalid, match=f"cannot be read as {ending}"):
            read_sales_log(path)


@pytest.mark.data
def test_real_days_as_csv_are_the_first_lines_of_the_real_log(real_log):
    whole = read_sales_log(real_log)
    days = read_sales_log(real_log.parent / "raw")
    assert whole.height == 245_903
    assert days.drop("Description").equals(whole.drop("Description").head(days.height))
