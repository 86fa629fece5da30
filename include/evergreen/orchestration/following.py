"""Bringing CURRENT and the alias in line with the ledger, and telling people what was odd."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from evergreen.adapters.installation import open_published, open_registry
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import settings
from evergreen.domain.alert import Alert
from evergreen.domain.errors import PublishRefused, RegistryUnreachable, VersionUnknown
from evergreen.orchestration.notifiers import notify

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger

log = logging.getLogger(__name__)


def finish_publication(spec: ModelSpec, ledger: Ledger) -> str:
    """Write and flip the champion's set where a killed run did not; return a line, or nothing.

    The run directory of the retraining that made the version has all it takes.

    Raises:
        ManifestInvalid: the run directory is gone, or its model was not trained.
        PublishRefused: a newer release is in force, or the set was written once and is gone.
    """
    from evergreen.trainer.publish import publish

    champion, published = ledger.champion(spec.model), open_published(spec)
    if champion is None or published.has(champion.version):
        return ""
    run_dir = f"{settings().runs_root(spec.model)}/{champion.run_key}"
    publish(run_dir, version=champion.version, fence=champion.fence, published=published)
    if not published.has(champion.version):
        raise PublishRefused(
            f"{spec.model}: the set of version {champion.version} is gone although it was once "
            f"written; remove {run_dir}/publish and run this again"
        )
    return f"published: the set of version {champion.version}, from run {champion.run_key}"


def notice_alias(spec: ModelSpec, ledger: Ledger) -> None:
    """Do what `follow_ledger` does before other work, which must not fail because of it."""
    if ledger.champion(spec.model) is None:
        return
    try:
        done = follow_ledger(spec, ledger)
    except (PublishRefused, RegistryUnreachable, VersionUnknown) as error:
        log.warning("CURRENT and the alias were not looked at: %s", error)
    else:
        if done:
            log.warning(done)


def follow_ledger(spec: ModelSpec, ledger: Ledger) -> str:
    """Let `CURRENT` and the alias name the ledger's champion; return a line for each repair.

    An alias that was moved by hand is put back, and people are told: once a day, so that one who
    goes on moving it is told again.

    Raises:
        PublishRefused: the champion's set is damaged, or `CURRENT` is of a later release.
        RegistryUnreachable: the alias could not be read or set; `CURRENT` is right already.
    """
    from evergreen.release.promote import repair

    done = repair(spec, ledger, open_published(spec), open_registry())
    if done.by_hand:
        key = f"{spec.model}/alias-moved/{datetime.now(tz=UTC):%Y-%m-%d}"
        text = f"{spec.model}: {done.alias}"
        notify(
            ledger,
            key,
            alert=Alert.ALIAS_MOVED,
            model=spec.model,
            severity="warning",
            text=text,
            facts={"reasons": [done.alias]},
        )
    return done.text
