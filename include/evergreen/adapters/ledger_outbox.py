"""The outbox: which messages wait, who delivers a model's now, and what came of each attempt."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from evergreen.adapters.ledger_database import Database
from evergreen.adapters.ledger_rows import Message, Undelivered
from evergreen.adapters.ledger_schema import deliverers, deliveries, messages
from evergreen.adapters.ledger_threads import head_of

c = messages.c


class Outbox(Database):
    """Messages on their way to Slack. One deliverer at a time has a model's messages."""

    def undelivered(self, model: str | None = None) -> list[Undelivered]:
        """Return, for each model that has some, the messages that nobody has got yet.

        A message that is in Slack and only waits to be changed does not count.
        """
        waiting = [c.state == "waiting", c.ts.is_(None)]
        if model is not None:
            waiting.append(c.model == model)
        counts = (
            sa.select(c.model, sa.func.count(), sa.func.min(c.posted_at), sa.func.min(c.id))
            .where(*waiting)
            .group_by(c.model)
            .order_by(c.model)
        )
        errors = sa.select(c.model, c.error).where(*waiting, c.error.is_not(None))
        with self._reading() as connection:
            found = connection.execute(counts).all()
            said: dict[str, str] = {}
            for name, error in connection.execute(errors.order_by(c.id)):
                said.setdefault(name, error)
        return [
            Undelivered(model=name, count=n, oldest_posted_at=since, last_error=said.get(name))
            for name, n, since, _ in found
        ]

    def has_reached_slack(self) -> bool:
        """Say whether Slack has ever taken a message."""
        with self._reading() as connection:
            return connection.scalar(sa.select(c.id).where(c.ts.is_not(None)).limit(1)) is not None

    def models_due(self, now: datetime) -> list[str]:
        """Return the models that have a message to send now."""
        due = sa.select(c.model).where(c.state == "waiting", c.next_at <= now).distinct()
        with self._reading() as connection:
            return list(connection.scalars(due.order_by(c.model)))

    def retry_now(self, model: str | None = None) -> list[str]:
        """Let every waiting message be tried at once, and return the models that have some."""
        where = [c.state == "waiting", *([] if model is None else [c.model == model])]
        with self._writing() as connection:
            connection.execute(sa.update(messages).where(*where).values(next_at=c.posted_at))
            found = connection.scalars(sa.select(c.model).where(*where).distinct())
            return sorted(found)

    def waiting(self, model: str) -> list[Message]:
        """Return a model's messages that are to be posted or changed, in their order."""
        return self._rows(Message, messages, c.model == model, c.state == "waiting", order=(c.id,))

    def messages(self, model: str, *, incident: int | None = None) -> list[Message]:
        """Return a model's messages, or only those of one incident's thread, in their order."""
        where = [c.model == model, *([] if incident is None else [c.incident == incident])]
        return self._rows(Message, messages, *where, order=(c.id,))

    def thread_head(self, incident: int) -> Message | None:
        """Return the message that began an incident's thread."""
        with self._reading() as connection:
            head = head_of(connection, incident)
        found = self._rows(Message, messages, c.id == head, order=(c.id,)) if head else []
        return found[0] if found else None

    def channel_id(self, name: str) -> str | None:
        """Return Slack's id of a channel, as an earlier answer gave it."""
        known = sa.select(c.channel).where(c.channel_name == name, c.channel.is_not(None))
        with self._reading() as connection:
            found: str | None = connection.scalar(known.order_by(c.id.desc()).limit(1))
        return found

    def take_outbox(self, model: str, *, holder: str, now: datetime, lease: timedelta) -> bool:
        """Become the one who delivers a model's messages; False while another one is."""
        d = deliverers.c
        statement = self._insert(deliverers).values(model=model, holder=holder, until=now + lease)
        statement = statement.on_conflict_do_update(
            index_elements=["model"],
            set_={"holder": holder, "until": now + lease},
            where=(d.until <= now) | (d.holder == holder),
        )
        with self._writing() as connection:
            return connection.execute(statement.returning(d.model)).first() is not None

    def leave_outbox(self, model: str, *, holder: str) -> None:
        """Let somebody else deliver a model's messages."""
        d = deliverers.c
        with self._writing() as connection:
            connection.execute(sa.delete(deliverers).where(d.model == model, d.holder == holder))

    def begin_attempt(
        self, message: Message, *, holder: str, now: datetime, lease: timedelta
    ) -> bool:
        """Write down that a message is about to be sent; False when another deliverer took over.

        Should the attempt's end never be written, the next one looks in Slack first.
        """
        with self._writing() as connection:
            if not _held(connection, message.model, holder, now, lease):
                return False
            first = sa.func.coalesce(c.begun_at, now) if message.ts is None else None
            connection.execute(
                sa.update(messages)
                .where(c.id == message.id)
                .values(attempts=c.attempts + 1, begun_at=first)
            )
        return True

    def keep_outbox(self, model: str, *, holder: str, now: datetime, lease: timedelta) -> bool:
        """Go on being the one who delivers; False when another one took over meanwhile."""
        with self._writing() as connection:
            return _held(connection, model, holder, now, lease)

    def sent(
        self,
        message: Message,
        *,
        now: datetime,
        last_event: int | None = None,
        channel_name: str | None = None,
        channel: str | None = None,
        ts: str | None = None,
    ) -> None:
        """Write down that Slack shows a message as it was read; what came since still waits."""
        place = {"channel_name": channel_name, "channel": channel, "ts": ts}
        values = {name: value for name, value in place.items() if value is not None}
        with self._writing() as connection:
            connection.execute(
                sa.update(messages)
                .where(c.id == message.id)
                .values(
                    state=sa.case((c.revision > message.revision, "waiting"), else_="delivered"),
                    sent_revision=message.revision,
                    attempts=0,
                    begun_at=None,
                    error=None,
                    delivered_at=sa.func.coalesce(c.delivered_at, now),
                    **values,
                )
            )
            e = deliveries.c
            if last_event is not None:
                connection.execute(
                    sa.update(deliveries)
                    .where(e.message == message.id, e.id <= last_event, e.delivered_at.is_(None))
                    .values(delivered_at=now)
                )

    def not_sent(self, message: Message, *, error: str, next_at: datetime, surely: bool) -> None:
        """Write down that a message did not get through, and when it is tried again.

        Args:
            surely: Slack has refused it; else it may be there all the same.
        """
        begun = {"begun_at": None} if surely else {}
        with self._writing() as connection:
            connection.execute(
                sa.update(messages)
                .where(c.id == message.id)
                .values(error=error, next_at=next_at, **begun)
            )

    def give_up(self, message: Message, *, error: str) -> None:
        """Write down that Slack does not take a message's content: it holds up the others no more.

        One that is in Slack stays there as it is.
        """
        with self._writing() as connection:
            connection.execute(
                sa.update(messages)
                .where(c.id == message.id)
                .values(
                    state=sa.case(
                        (c.revision > message.revision, "waiting"),
                        else_="delivered" if message.ts else "failed",
                    ),
                    sent_revision=message.revision,
                    error=error,
                    begun_at=None,
                )
            )


def _held(
    connection: sa.Connection, model: str, holder: str, now: datetime, lease: timedelta
) -> bool:
    d = deliverers.c
    held = connection.execute(
        sa.update(deliverers)
        .where(d.model == model, d.holder == holder, d.until > now)
        .values(until=now + lease)
    )
    return held.rowcount == 1
