"""`evergreen incidents …`: what was and is wrong, what was said of it, and sending what waits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evergreen.adapters.installation import open_ledger, spec_of
from evergreen.adapters.secret_free import secret_free
from evergreen.cli.grid import print_grid
from evergreen.cli.incidents_check import NOT_SET_UP, check, find_connections
from evergreen.domain.errors import IncidentUnknown, SlackRefused, SlackUnreachable
from evergreen.domain.mrkdwn import one_line

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Delivery, Incident, Ledger, Message, Undelivered
    from evergreen.messaging.drain import Drained

app = typer.Typer(
    invoke_without_command=True,
    help="Incidents: periods in which a model is unhealthy. Without a command, lists them.",
)
Model = Annotated[str | None, typer.Option(help="Only of this model. Default: all models.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TEXT_LENGTH = 100
HEADS = ("id", "model", "since (UTC)", "state", "what", "outcome", "undelivered")


app.command()(check)


@app.callback()
def incidents(context: typer.Context, model: Model = None, as_json: Json = False) -> None:
    """Incidents: periods in which a model is unhealthy. Without a command, lists them."""
    if context.invoked_subcommand is None:
        list_(model, as_json=as_json)


@app.command("list")
def list_(
    model: Model = None,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """List the newest incidents, oldest first: since when, how it stands, what came of it.

    Below it stand the messages that Slack has not got yet, with the reason.
    """
    ledger = open_ledger()
    name = spec_of(model).model if model else None
    found = [_body(incident, ledger) for incident in ledger.incidents(name, last=last)]
    waiting = ledger.undelivered(name)
    if as_json:
        said = {"incidents": found, "undelivered": [_waiting_body(each) for each in waiting]}
        typer.echo(json.dumps(said))
        return
    if found:
        print_grid(HEADS, [_cells(body) for body in found])
    else:
        typer.echo(f"{model or 'all models'}: no incident is on record")
    for each in waiting:
        why = each.last_error or "for their turn, or for the end of quiet hours"
        since = f"{each.oldest_posted_at:%Y-%m-%d %H:%M} UTC"
        typer.echo(f"{each.model}: {each.count} messages wait since {since}: {_clean(why)}")


@app.command()
def show(
    incident_id: Annotated[int, typer.Argument(help="The incident's id.")],
    as_json: Json = False,
) -> None:
    """Show an incident from its beginning: everything that was said, and what Slack has of it."""
    ledger = open_ledger()
    incident = ledger.incident(incident_id)
    if incident is None:
        known = ", ".join(str(each.id) for each in ledger.incidents(last=5)) or "none"
        raise IncidentUnknown(f"there is no incident {incident_id}; the newest are: {known}")
    events = ledger.deliveries(incident.model, incident=incident_id)
    messages = ledger.messages(incident.model, incident=incident_id)
    if as_json:
        body = {
            **_body(incident, ledger),
            "evidence": incident.evidence,
            "events": [_event_body(event) for event in events],
            "messages": [_message_body(message, events) for message in messages],
        }
        typer.echo(json.dumps(body, default=str))
        return
    for line in _lines(incident, events, messages):
        typer.echo(line)


@app.command()
def messages(
    model: Model = None,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the newest.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what was said, in incidents and outside of them, the newest last.

    `sent` is in Slack, `waits` will be, `kept` is only here: there was no token or no channel.
    """
    name = spec_of(model).model if model else None
    events = open_ledger().newest_deliveries(name, last=last)
    if as_json:
        bodies = [{"model": event.model, **_event_body(event)} for event in events]
        typer.echo(json.dumps({"messages": bodies}, default=str))
        return
    for event in events:
        typer.echo(_event_line(event))
    if not events:
        typer.echo(f"{model or 'all models'}: nothing was ever said")


@app.command()
def deliver(model: Model = None, as_json: Json = False) -> None:
    """Send what waits for Slack now, in order and each message once.

    The token is EVERGREEN_SLACK_TOKEN, or Airflow's connection where AIRFLOW_HOME names its
    Airflow. Nothing is lost by not calling this: the DAG `evergreen__deliver` does it too.
    """
    ledger = open_ledger()
    models = ledger.retry_now(spec_of(model).model if model else None)
    done = _delivered(ledger, models)
    said = _done_body(done)
    left = sum(each.count for each in ledger.undelivered(model))
    if as_json:
        typer.echo(json.dumps({**said, "undelivered": left}))
    else:
        typer.echo(
            f"{said['posted']} messages sent, {said['changed']} changed, {left} still wait"
            + (f", {said['held']} of them for the end of quiet hours" if said["held"] else "")
        )
    for each in said["busy"]:
        typer.echo(f"{each}: somebody else is sending its messages right now", err=True)
    problem = said["refused"] or said["unreachable"]
    if problem and not as_json:
        raise SlackRefused(problem, code="") if said["refused"] else _away(problem)
    if problem:
        raise typer.Exit(1)


def _delivered(ledger: Ledger, models: list[str]) -> Drained | None:
    if not models:
        return None
    from evergreen.orchestration.delivering import deliver as deliver_now

    find_connections()
    done = deliver_now(ledger, models)
    if done is None:
        raise SlackRefused(NOT_SET_UP, code="not_authed")
    return done


def _done_body(done: Drained | None) -> dict[str, Any]:
    return {
        "posted": done.posted if done else 0,
        "changed": done.changed if done else 0,
        "held": done.held if done else 0,
        "busy": list(done.busy) if done else [],
        "unreachable": done.unreachable if done else None,
        "refused": done.refused if done else None,
    }


def _away(text: str) -> SlackUnreachable:
    return SlackUnreachable(text, surely=False)


def _body(incident: Incident, ledger: Ledger) -> dict[str, Any]:
    events = ledger.deliveries(incident.model, incident=incident.id)
    messages = ledger.messages(incident.model, incident=incident.id)
    head = next((m for m in messages if m.status), None)
    waiting = [m for m in messages if m.state == "waiting" and m.ts is None]
    return {
        "id": incident.id,
        "model": incident.model,
        "hour": incident.hour.isoformat(),
        "opened_at": incident.opened_at.isoformat(),
        "closed_at": incident.closed_at.isoformat() if incident.closed_at else None,
        "state": "ended" if incident.closed_at else "open",
        "now": head.status if head else None,
        "what": events[0].text if events else None,
        "outcome": incident.outcome,
        "events": len(events),
        "undelivered": len(waiting),
    }


def _waiting_body(each: Undelivered) -> dict[str, Any]:
    return {
        "model": each.model,
        "count": each.count,
        "oldest_posted_at": each.oldest_posted_at.isoformat(),
        "last_error": each.last_error,
    }


def _event_body(event: Delivery) -> dict[str, Any]:
    return {
        "at": event.posted_at.isoformat(),
        "severity": event.severity,
        "alert": event.alert,
        "text": event.text,
        "facts": event.facts,
        "delivered_at": event.delivered_at.isoformat() if event.delivered_at else None,
        "for_slack": event.message is not None,
    }


def _message_body(message: Message, events: Sequence[Delivery]) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "severity": message.severity,
        "state": message.state,
        "now": message.status,
        "tells": sum(event.message == message.id for event in events),
        "channel": message.channel_name,
        "error": message.error,
        "delivered_at": message.delivered_at.isoformat() if message.delivered_at else None,
    }


def _cells(body: dict[str, Any]) -> tuple[str, ...]:
    opened = datetime.fromisoformat(body["opened_at"])
    return (
        str(body["id"]),
        body["model"],
        f"{opened:%Y-%m-%d %H:%M}",
        body["state"] if body["state"] == "ended" else f"open: {_short(body['now'] or 'noticed')}",
        _short(body["what"] or "nothing was said"),
        _short(body["outcome"] or ""),
        str(body["undelivered"] or ""),
    )


def _lines(
    incident: Incident, events: Sequence[Delivery], messages: Sequence[Message]
) -> Iterator[str]:
    until = f" to {incident.closed_at:%Y-%m-%d %H:%M} UTC" if incident.closed_at else ", still open"
    yield f"{incident.model}: incident {incident.id}"
    yield f"  since {incident.opened_at:%Y-%m-%d %H:%M} UTC{until}"
    if incident.outcome:
        yield f"  outcome: {_clean(incident.outcome)}"
    yield "said:"
    for event in events:
        yield f"  {_event_line(event)}"
    if not messages:
        yield "in Slack: nothing (no token or no channel when it was said)"
        return
    yield "in Slack:"
    for message in messages:
        tells = sum(event.message == message.id for event in events)
        where = message.channel_name or "not sent yet"
        times = f", tells {tells} events" if tells > 1 else ""
        error = f": {_clean(message.error)}" if message.error else ""
        yield f"  {message.topic or 'alone':<12}{message.state:<11}{where}{times}{error}"


def _event_line(event: Delivery) -> str:
    got = "kept" if event.message is None else "sent" if event.delivered_at else "waits"
    kind = f"{event.severity} {event.alert or 'message'}"
    return f"{event.posted_at:%Y-%m-%d %H:%M}  {kind:<28}{got:<6}{_clean(event.text)}"


def _short(text: str) -> str:
    line = _clean(text)
    return line if len(line) <= TEXT_LENGTH else f"{line[: TEXT_LENGTH - 1]}…"


def _clean(text: str) -> str:
    """Return one line without secrets, and without what a terminal would obey."""
    return secret_free(one_line(text))
