"""Empties the outboxes of all models: what the delivering DAG and the command line do."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import EvergreenError
from evergreen.messaging.courier import Courier

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What was delivered, and why the rest was not.

    Parameters:
        held: messages that wait for the end of quiet hours.
        busy: models whose outbox another courier has.
        unreachable: Slack is away; it is tried again by itself.
        refused: Slack says no; a person must mend something.
    """

    posted: int
    changed: int
    held: int
    busy: tuple[str, ...]
    unreachable: str | None
    refused: str | None


def drain(
    courier: Courier,
    models: Iterable[str],
    *,
    spec_of: Callable[[str], ModelSpec],
    budget_s: float,
) -> Drained:
    """Visit the models' outboxes, one after the other, until Slack says no or time is up.

    A model whose spec cannot be read keeps its messages; the others get theirs.
    """
    give_up_at = time.monotonic() + budget_s
    posted = changed = held = 0
    busy: list[str] = []
    unreachable = refused = None
    for model in models:
        left_s = give_up_at - time.monotonic()
        if left_s <= 0:
            break
        try:
            spec = spec_of(model)
        except EvergreenError as error:
            log.error("the messages of %s wait: %s", model, error)
            refused = str(error)
            continue
        done = courier.visit(spec, budget_s=left_s)
        posted, changed, held = posted + done.posted, changed + done.changed, held + done.held
        busy += [model] if done.busy else []
        unreachable, refused = done.unreachable or unreachable, done.refused or refused
        if done.stop:
            break
    return Drained(
        posted=posted,
        changed=changed,
        held=held,
        busy=tuple(busy),
        unreachable=unreachable,
        refused=refused,
    )
