"""Making an older version champion again: a promotion with another reason."""

from __future__ import annotations

from datetime import datetime

from evergreen.adapters.ledger import Ledger, Release
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import VersionUnknown


def roll_back(
    spec: ModelSpec, *, version: int, reason: str, ledger: Ledger, published: Published
) -> Release:
    """Release a version whose set is published already; `follow` then puts it in force.

    The same rollback again (a retry after a kill) returns the release that was made.

    Args:
        spec: the model.
        version: what to go back to; it was champion before, or a retraining registered it.
        reason: for people; never empty.
        ledger: where it is recorded.
        published: where the version's set lies.

    Raises:
        VersionUnknown: the version is champion already, was never registered, or its set is gone.
        PublishRefused: its set is damaged.
        ChampionChanged: another release came first.
    """
    model, champion = spec.model, ledger.champion(spec.model)
    if champion is None:
        raise VersionUnknown(f"{model}: nothing was released yet, so there is nothing to roll back")
    if champion.version == version:
        if (champion.kind, champion.reason) == ("rollback", reason):
            return champion
        raise VersionUnknown(f"{model}: version {version} is the champion already")
    run_key, as_of = origin(model, version, ledger, published)
    published.verify(version)
    return ledger.release(
        model,
        version,
        expected=champion.version,
        kind="rollback",
        run_key=run_key,
        as_of=as_of,
        reason=reason,
        evidence={"replaced_version": champion.version, "replaced_fence": champion.fence},
    )


def origin(model: str, version: int, ledger: Ledger, published: Published) -> tuple[str, datetime]:
    """Return the run key of the version and the moment that its features look back from."""
    released = ledger.released(model, version)
    made_by = [run.run_key for run in ledger.runs(model) if run.version == version]
    if released is None and not made_by:
        versions = sorted({release.version for release in ledger.releases(model)})
        raise VersionUnknown(
            f"{model}: version {version} was never released or registered; released were "
            f"{', '.join(map(str, versions))}"
        )
    if not published.has(version):
        raise VersionUnknown(
            f"{model}: the set of version {version} is gone from the published sets; there are "
            f"{', '.join(map(str, published.versions())) or 'none'}"
        )
    if released is not None:
        return released.run_key, released.as_of
    return made_by[-1], published.as_of(version)
