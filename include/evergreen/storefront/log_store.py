"""The sales log that this installation plays: imported once, cleaned, kept under its home.

`<home>/storefront/orders.parquet` and, written last, `import.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from evergreen.domain.errors import SalesLogInvalid
from evergreen.storefront import cleaning, sales_log, shop

BUILT_IN = "built-in shop"
SEED = 7
ORDERS_FILE, IMPORT_FILE = "orders.parquet", "import.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLog:
    """What was imported.

    Parameters:
        source: the path, or `built-in shop`.
        digest: sha256 over the source's bytes and our code that read and cleaned them.
        lines_read, lines_kept, orders, items, customers: counts.
        dropped: lines left out by each rule of `cleaning.RULES`, in their order.
        first, last: times of the first and last order, ISO 8601, UTC.
    """

    source: str
    digest: str
    lines_read: int
    lines_kept: int
    orders: int
    items: int
    customers: int
    dropped: dict[str, int]
    first: str
    last: str


def import_log(source: Path | None, *, home: Path) -> ImportedLog:
    """Read, clean and keep a sales log; the same log again returns at once.

    Parameters:
        source: a path that `read_sales_log` takes; None is the built-in shop.
        home: the installation's home.

    Raises:
        SalesLogInvalid: the log cannot be read, holds no order, or cannot be kept.
    """
    files = sales_log.sales_log_files(source) if source else []
    digest = _digest(files)
    before = imported_log(home)
    if before and before.digest == digest and before.source == str(source or BUILT_IN):
        return before
    log = sales_log.read_sales_log(source) if source else shop.built_in_log(SEED)
    cleaned = cleaning.clean(log)
    if cleaned.orders.is_empty():
        raise SalesLogInvalid(
            f"{source}: no line of {cleaned.lines_read} is a sale of a product; left out: "
            + ", ".join(f"{rule} {count}" for rule, count in cleaned.dropped.items() if count)
        )
    said = _describe(str(source or BUILT_IN), digest, cleaned)
    try:
        _keep(_folder(home), cleaned.orders, said)
    except OSError as error:
        raise SalesLogInvalid(
            f"{_folder(home)}: {error.strerror}; free it, or set EVERGREEN_HOME"
        ) from None
    return said


def imported_log(home: Path) -> ImportedLog | None:
    """Return what was imported, or None before the first import."""
    try:
        return ImportedLog(**json.loads((_folder(home) / IMPORT_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def load_orders(home: Path) -> pl.DataFrame:
    """Return the imported orders, in the log's own time.

    Raises:
        SalesLogInvalid: nothing was imported, or what was kept cannot be read.
    """
    if imported_log(home) is None:
        raise SalesLogInvalid(
            f"{_folder(home)} holds no sales log; run `evergreen storefront import`"
        )
    path = _folder(home) / ORDERS_FILE
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise SalesLogInvalid(
            f"{path} cannot be read: {reason}; remove its folder and import again"
        ) from None


def _describe(source: str, digest: str, cleaned: cleaning.CleanLog) -> ImportedLog:
    orders = cleaned.orders
    times = orders["order_time"]
    return ImportedLog(
        source=source,
        digest=digest,
        lines_read=cleaned.lines_read,
        lines_kept=orders.height,
        orders=orders["order_id"].n_unique(),
        items=orders["item_id"].n_unique(),
        customers=orders["user_id"].drop_nulls().n_unique(),
        dropped=cleaned.dropped,
        first=times[0].isoformat(),
        last=times[-1].isoformat(),
    )


def _keep(folder: Path, orders: pl.DataFrame, said: ImportedLog) -> None:
    """Write both files under temporary names; `import.json` goes first and comes back last."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / IMPORT_FILE).unlink(missing_ok=True)
    temporary = folder / f".{os.getpid()}.tmp"
    orders.write_parquet(temporary)
    temporary.replace(folder / ORDERS_FILE)
    temporary.write_text(json.dumps(asdict(said), indent=1))
    temporary.replace(folder / IMPORT_FILE)


def _digest(files: Sequence[Path]) -> str:
    """Return the sha256 of the files and of the code whose change would change the orders."""
    total = hashlib.sha256(str(SEED).encode())
    for file in [*files, *(Path(str(m.__file__)) for m in (cleaning, sales_log, shop))]:
        try:
            total.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
        except OSError as error:
            raise SalesLogInvalid(f"{file} cannot be read: {error.strerror}") from None
    return total.hexdigest()


def _folder(home: Path) -> Path:
    return home / "storefront"
