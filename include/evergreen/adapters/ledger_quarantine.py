"""Hours that validation has put aside: nothing is learned from them and no sensor counts them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from evergreen.adapters.ledger_database import Database
from evergreen.adapters.ledger_history import within
from evergreen.adapters.ledger_rows import PERSON, Quarantined, ReleasedBy
from evergreen.adapters.ledger_schema import quarantine
from evergreen.domain.windows import Window

KEYS = ("model", "table", "hour")


class Quarantine(Database):
    """Hours in quarantine, with their reasons. A release leaves the record, so that people see it.

    A quarantine is about one generation of an hour. Landed again, the hour is judged anew.
    """

    def quarantine(
        self,
        model: str,
        table: str,
        hour: datetime,
        *,
        generation: int,
        reasons: Sequence[str],
        sample: str | None = None,
    ) -> bool:
        """Put an hour of a table into quarantine; asked again, the newest reasons stay.

        Parameters:
            generation: that was judged; 0 where the hour is not closed.
            sample: where rows that show the fault are kept.

        Returns:
            Whether it is in quarantine now: an hour that a person released at this very generation
            stays released.
        """
        c, now = quarantine.c, datetime.now(tz=UTC)
        statement = self._insert(quarantine).values(
            {
                c.model: model,
                c.table: table,
                c.hour: hour,
                c.generation: generation,
                c.reasons: list(reasons),
                c.sample: sample,
                c.quarantined_at: now,
                c.released_at: None,
                c.released_by: None,
                c.release_reason: None,
            }
        )
        new = statement.excluded
        same = c.generation == new.generation
        still_there = sa.and_(same, c.released_at.is_(None))
        statement = statement.on_conflict_do_update(
            index_elements=list(KEYS),
            set_={
                **{
                    name: new[name]
                    for name in (
                        *("generation", "reasons", "sample"),
                        *("released_at", "released_by", "release_reason"),
                    )
                },
                "quarantined_at": sa.case(
                    (still_there, c.quarantined_at), else_=new.quarantined_at
                ),
            },
            where=sa.not_(sa.and_(same, sa.func.coalesce(c.released_by, "") == PERSON)),
        )
        with self._writing() as connection:
            return connection.execute(statement.returning(c.hour)).first() is not None

    def release_hour(
        self,
        model: str,
        table: str,
        hour: datetime,
        *,
        by: ReleasedBy,
        reason: str,
        generation: int | None = None,
    ) -> bool:
        """Take an hour out of quarantine.

        Parameters:
            generation: that was judged: a quarantine of a newer one stays, somebody else has judged
                that meanwhile. None releases the hour whatever its generation: a person's word.

        Returns:
            Whether it left; False, and nothing done, when it was not in it or stays.
        """
        c = quarantine.c
        where = [c.model == model, c.table == table, c.hour == hour, c.released_at.is_(None)]
        if generation is not None:
            where.append(c.generation <= generation)
        statement = (
            sa.update(quarantine)
            .where(*where)
            .values(released_at=datetime.now(tz=UTC), released_by=by, release_reason=reason)
        )
        with self._writing() as connection:
            return connection.execute(statement.returning(c.hour)).first() is not None

    def quarantined(self, model: str, table: str, window: Window) -> set[datetime]:
        """Return the window's hours that are in quarantine now."""
        c = quarantine.c
        query = sa.select(c.hour).where(
            c.model == model,
            c.table == table,
            c.released_at.is_(None),
            *within(c.hour, window),
        )
        with self._reading() as connection:
            return set(connection.scalars(query))

    def quarantine_records(
        self, model: str, window: Window | None = None, *, active: bool = True
    ) -> list[Quarantined]:
        """Return what is in quarantine, oldest hour first; without `active` the released too."""
        c = quarantine.c
        where = [c.model == model]
        if window is not None:
            where += within(c.hour, window)
        if active:
            where.append(c.released_at.is_(None))
        return self._rows(Quarantined, quarantine, *where, order=(c.hour, c.table))
