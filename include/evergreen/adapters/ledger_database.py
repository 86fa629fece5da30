"""The ledger's connection: SQLite or PostgreSQL, transactions, migrations, errors with names."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from evergreen.adapters.ledger_schema import HEAD, to_json
from evergreen.domain.errors import LedgerUnreachable

BUSY_TIMEOUT_S = 30
CONNECT_TIMEOUT_S = 10
MIGRATION_LOCK = 0x65766572  # PostgreSQL's advisory locks are numbers; this one is ours


class Database:
    """One database, opened at first use.

    Args:
        url: a SQLAlchemy URL, `sqlite:///…` or `postgresql://…`.

    Raises:
        LedgerUnreachable: by every method; the text has the URL without its password.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = _create_engine(url)
        except (sa.exc.ArgumentError, ImportError) as error:
            raise LedgerUnreachable(
                f"EVERGREEN_LEDGER_URL is not a usable SQLAlchemy URL: {error}; write "
                "sqlite:////absolute/path.db or postgresql://user:password@host/database"
            ) from None
        self.name = self._engine.url.render_as_string(hide_password=True)
        path = self._engine.url.database
        if self._is_sqlite and path:
            try:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise self._unreachable(error) from None

    def close(self) -> None:
        """Close every connection; the next use opens a new one."""
        self._engine.dispose()

    def migrate(self) -> None:
        """Bring the schema to this version's; at once when it is, safe when two processes do it."""
        with self._reading() as connection:
            if _schema_version(connection) == HEAD:
                return
        with self._writing() as connection:
            if not self._is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            if _schema_version(connection) != HEAD:
                _upgrade(connection)

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            raise self._unreachable(error) from error

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction. On SQLite it holds the write lock from its first statement."""
        try:
            with self._engine.connect() as connection:
                connection = connection.execution_options(evergreen_writes=True)
                with connection.begin():
                    yield connection
        except sa.exc.IntegrityError:
            raise
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            raise self._unreachable(error) from error

    def _insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """Return an INSERT that knows ON CONFLICT; both dialects spell it the same."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    def _upsert(self, table: sa.Table, keys: tuple[str, ...], **values: Any) -> None:
        others = {name: value for name, value in values.items() if name not in keys}
        statement = self._insert(table).values(**values)
        with self._writing() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=list(keys), set_=others)
            )

    def _insert_if_absent(self, table: sa.Table, keys: tuple[str, ...], **values: Any) -> bool:
        statement = self._insert(table).values(**values)
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
        with self._writing() as connection:  # rowcount is not known where ids are returned
            done = connection.execute(statement.returning(*table.primary_key))
            return done.first() is not None

    def _rows[T](
        self,
        kind: type[T],
        table: sa.Table,
        *where: sa.ColumnElement[bool],
        order: tuple[sa.Column[Any], ...],
    ) -> list[T]:
        with self._reading() as connection:
            return rows(connection, kind, table, *where, order=order)

    def _newest_rows[T](
        self, kind: type[T], table: sa.Table, *where: sa.ColumnElement[bool], last: int | None
    ) -> list[T]:
        """Return the last so many rows by id, oldest first; None: all of them."""
        order = (table.c.id.desc(),)
        with self._reading() as connection:
            return rows(connection, kind, table, *where, order=order, limit=last)[::-1]

    def _unreachable(self, error: Exception) -> LedgerUnreachable:
        cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        if "no such table" in cause or "does not exist" in cause:
            remedy = "it is not migrated; run `evergreen release history`, which migrates it"
        elif "locked" in cause:
            remedy = f"another process held it for {BUSY_TIMEOUT_S} s; find it, then run again"
        else:
            remedy = "check that it runs, its address and permissions (EVERGREEN_LEDGER_URL)"
        return LedgerUnreachable(f"ledger {self.name}: {type(error).__name__}: {cause}; {remedy}")


def rows[T](
    connection: sa.Connection,
    kind: type[T],
    table: sa.Table,
    *where: sa.ColumnElement[bool],
    order: tuple[sa.ColumnElement[Any], ...],
    limit: int | None = None,
) -> list[T]:
    """Return the table's rows as `kind`, whose fields are named like its columns."""
    columns = [table.c[field.name] for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    asked = sa.select(*columns).where(*where).order_by(*order).limit(limit)
    found = connection.execute(asked)
    return [kind(**row) for row in found.mappings()]


def _create_engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise sa.exc.ArgumentError(f"{parsed.get_backend_name()} is neither sqlite nor postgresql")
    options: dict[str, Any] = {"json_serializer": to_json}
    if parsed.get_backend_name() == "postgresql":
        arguments = {"connect_timeout": CONNECT_TIMEOUT_S}
        return sa.create_engine(parsed, connect_args=arguments, pool_pre_ping=True, **options)
    engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S}, **options)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Leave transactions to us, and let readers and one writer work side by side (WAL)."""
    connection.isolation_level = None
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # this one statement does not wait for locks
            if "locked" not in str(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("evergreen_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _schema_version(connection: sa.Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return version


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
