"""Connections of the Ibis engine: which URLs there are, and how each backend reads Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis

from evergreen.adapters.object_store import open_store
from evergreen.domain.errors import ModelSpecInvalid

SPARK_OPTIONS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",  # an hour's groups are few; 200 tasks would be the default
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.log.level": "ERROR",
}
"""For a local master. A cluster's own configuration holds for everything else."""


def connect(url: str) -> Any:
    """Return the Ibis backend of a URL: `duckdb://`, `pyspark://local[2]`, or any that Ibis takes.

    Raises:
        ModelSpecInvalid: the backend is not installed, or does not connect.
    """
    scheme, _, rest = url.partition("://")
    try:
        return _spark(rest) if scheme == "pyspark" else ibis.connect(url)
    except ImportError as error:
        text = f"{error}; install ibis-framework[{scheme}] (Spark: evergreen[spark])"
        raise ModelSpecInvalid(f"lake.engine {url!r} needs a package: {text}") from error
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise ModelSpecInvalid(
            f"lake.engine {url!r} does not connect: {reason}. Expected polars, or an Ibis URL such "
            "as duckdb:// or pyspark://local[2] (Spark needs Java 17)"
        ) from error


def read_files(backend: Any, uris: Sequence[str]) -> Any:
    """Return the rows of Parquet files of one schema as an Ibis table."""
    if backend.name == "pyspark":
        name = ibis.util.gen_name("evergreen")
        backend._session.read.parquet(*uris).createOrReplaceTempView(name)
        return backend.table(name)
    if backend.name == "duckdb":
        return _read_with_duckdb(backend, uris)
    return backend.read_parquet(list(uris))


def _read_with_duckdb(backend: Any, uris: Sequence[str]) -> Any:
    if "://" not in uris[0]:
        return backend.read_parquet(list(uris), hive_partitioning=False)
    if not backend.con.filesystem_is_registered(uris[0].partition("://")[0]):
        backend.con.register_filesystem(open_store(uris[0])[0])
    # Ibis itself would first download DuckDB's httpfs for such URLs, which is not needed then
    name = ibis.util.gen_name("evergreen")
    backend.con.read_parquet(list(uris), hive_partitioning=False).create_view(name)
    return backend.table(name)


def _spark(master: str) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master or "local[2]").appName("evergreen")
    for key, value in SPARK_OPTIONS.items() if master.startswith("local") or not master else ():
        builder = builder.config(key, value)
    return ibis.pyspark.connect(builder.getOrCreate())
