"""A champion that fails its probation: the version before comes back, and this one is barred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evergreen.adapters.ledger import Ledger, Release
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import VersionBlocked, VersionUnknown
from evergreen.release.rollback import origin

FAILED_FENCE = "failed_fence"


def roll_back_failed(
    spec: ModelSpec, *, verdict: Mapping[str, Any], ledger: Ledger, published: Published
) -> Release | None:
    """Release the version that the failing one replaced; `follow` then puts it in force.

    The same again (a retry after a kill) returns the release that was made, whatever came since.
    From then on `ledger.blocked` holds the failing version: no gate promotes it again.

    Args:
        spec: the model.
        verdict: what probation said: `version` and `fence` of the failing release, `reason`, and
            everything that was weighed.
        ledger: where it is recorded, as kind `probation`.
        published: where the older version's set lies.

    Returns:
        The release; None when another one has replaced the failing release already.

    Raises:
        VersionUnknown: there is no version before, or its set is gone.
        VersionBlocked: the version before was rolled back by its own probation.
        PublishRefused: its set is damaged.
        ChampionChanged: another release came first, this very moment.
    """
    model, version, fence = spec.model, verdict["version"], verdict["fence"]
    for release in ledger.releases(model):
        if release.kind == "probation" and release.evidence.get(FAILED_FENCE) == fence:
            return release
    champion = ledger.champion(model)
    if champion is None or champion.fence != fence:
        return None
    previous = champion.replaced_version
    if previous is None:
        raise VersionUnknown(
            f"{model}: version {version} is the first release, so there is none to go back to"
        )
    if previous in ledger.blocked(model):
        raise VersionBlocked(
            f"{model}: version {version} fails its probation, but version {previous}, which it "
            f"replaced, had failed its own; choose one by hand: `evergreen release rollback`"
        )
    run_key, as_of = origin(model, previous, ledger, published)
    published.verify(previous)
    return ledger.release(
        model,
        previous,
        expected=version,
        kind="probation",
        run_key=run_key,
        as_of=as_of,
        reason=f"version {version} failed its probation: {verdict['reason']}",
        evidence={"verdict": dict(verdict), "replaced_version": version, FAILED_FENCE: fence},
    )
