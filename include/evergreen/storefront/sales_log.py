"""A sales log as its shop exports it: the columns of UCI Online Retail, from Parquet, CSV or Excel.

Reading keeps every line, in the log's order; what to do with the odd ones is cleaning's business.
The log's clock carries no zone and is read as UTC, so that an hour of trade keeps its place in the
week all year.

References: Chen, Sain and Guo 2012, doi 10.1057/dbm.2012.17; UCI ML repository, data sets 352, 502.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fastexcel
import polars as pl

from evergreen.domain.errors import SalesLogInvalid

COLUMNS: dict[str, pl.DataType] = {
    "InvoiceNo": pl.String(),
    "StockCode": pl.String(),
    "Description": pl.String(),
    "Quantity": pl.Int64(),
    "InvoiceDate": pl.Datetime("us", "UTC"),
    "UnitPrice": pl.Float64(),
    "CustomerID": pl.String(),
    "Country": pl.String(),
}
SECOND_SPELLING = {"invoice": "InvoiceNo", "price": "UnitPrice"}
"""UCI's second version (data set 502) spells these otherwise; case, spaces and `_` never matter."""

TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
)


def read_sales_log(path: Path) -> pl.DataFrame:
    """Return every line of a sales log, in its order, in the columns `COLUMNS`.

    Parameters:
        path: `.parquet`, `.csv` (UTF-8 or Latin-1), `.xlsx` or `.xls` (all sheets), or a folder
            of them, read in the order of the file names.

    Returns:
        Text without outer blanks, null where empty; a quantity or price that is no number is null.

    Raises:
        SalesLogInvalid: no such path, an unknown format, a file that is not what its name says, a
            missing column (the text names those found), or a date in no known spelling (the text
            shows one).
    """
    frames = [_named(_read_file(file), file) for file in sales_log_files(path)]
    text = pl.concat(frames, how="vertical")
    return text.with_columns(
        pl.col("Quantity").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False),
        pl.col("UnitPrice").cast(pl.Float64, strict=False),
        parse_times(text["InvoiceDate"], where=str(path)),
        # Spreadsheets and pandas turn codes into numbers on the way: 17850 becomes 17850.0
        *(
            pl.col(c).str.replace(r"^(\d+)\.0$", "$1")
            for c in ("InvoiceNo", "StockCode", "CustomerID")
        ),
    ).cast(pl.Schema(COLUMNS))


def sales_log_files(path: Path) -> list[Path]:
    """Return the files of a sales log: the path itself, or what a folder holds, by name.

    Raises:
        SalesLogInvalid: nothing is there, or nothing with a known ending.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in _READERS)
        if not files:
            raise SalesLogInvalid(f"{path} holds no sales log: expected {_ENDINGS}")
        return files
    if not path.is_file():
        raise SalesLogInvalid(f"{path} does not exist; give a file or a folder of {_ENDINGS}")
    if path.suffix.lower() not in _READERS:
        raise SalesLogInvalid(f"{path}: unknown format {path.suffix!r}; expected {_ENDINGS}")
    return [path]


def parse_times(texts: pl.Series, *, where: str) -> pl.Series:
    """Return the times that the texts spell, all in one of `TIME_FORMATS`.

    `03/04/2011` is read in the month-first or the day-first way, whichever every line allows; where
    both do, the one in which the log goes back in time less often.

    Raises:
        SalesLogInvalid: no single format reads every text; shows the first that the best one fails.
    """
    readings = [texts.str.to_datetime(form, strict=False, time_unit="us") for form in TIME_FORMATS]
    unread = [reading.null_count() - texts.null_count() for reading in readings]
    if min(unread):
        best = readings[unread.index(min(unread))]
        example = texts.filter(best.is_null() & texts.is_not_null())[0]
        raise SalesLogInvalid(
            f"{where}: InvoiceDate {example!r} is not a time ({min(unread)} lines like it); "
            "expected 2010-12-01 08:26:00, 12/1/2010 8:26 or 1/12/2010 8:26, one way throughout"
        )
    whole = [reading for reading, missed in zip(readings, unread, strict=True) if not missed]
    return min(whole, key=_steps_back).dt.replace_time_zone("UTC")


def _steps_back(times: pl.Series) -> int:
    return int((times.drop_nulls().diff().dt.total_seconds() < 0).sum() or 0)


def _named(frame: pl.DataFrame, file: Path) -> pl.DataFrame:
    """Return the eight columns as trimmed text under UCI's first spelling."""
    known = {name.lower(): name for name in COLUMNS} | SECOND_SPELLING
    found = {
        known.get(c.lower().replace(" ", "").replace("_", "").strip("\ufeff"), c): c
        for c in frame.columns
    }
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        raise SalesLogInvalid(
            f"{file}: column {', '.join(missing)} is missing; found {', '.join(frame.columns)}"
        )
    text = frame.select(_as_text(frame[found[name]]).alias(name) for name in COLUMNS)
    return text.with_columns(pl.all().str.strip_chars().replace("", None))


def _as_text(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.Datetime):
        if column.dtype.time_zone:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return column.dt.strftime("%Y-%m-%d %H:%M:%S%.f")
    return column.cast(pl.String)


def _read_file(file: Path) -> pl.DataFrame:
    try:
        return _READERS[file.suffix.lower()](file)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SalesLogInvalid(f"{file} cannot be read as {file.suffix}: {reason}") from None


def _read_csv(file: Path) -> pl.DataFrame:
    data = file.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:  # Excel in western Europe writes £ as one byte
        data = data.decode("latin-1").encode("utf-8")
    return pl.read_csv(data, infer_schema=False)


def _read_excel(file: Path) -> pl.DataFrame:
    # As text, because a column of codes holds numbers and words: 536365 and C536379
    options = {"dtypes": "string"}
    try:
        sheets = pl.read_excel(file, sheet_id=0, engine="calamine", read_options=options)
    except fastexcel.FastExcelError as error:
        raise ValueError(str(error)) from None
    return pl.concat([s for s in sheets.values() if s.width], how="diagonal")


_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": _read_csv,
    ".xlsx": _read_excel,
    ".xls": _read_excel,
}
_ENDINGS = ", ".join(_READERS)
