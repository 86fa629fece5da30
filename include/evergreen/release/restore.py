"""After a failed smoke test: the set that was in force before comes back."""

from __future__ import annotations

from dataclasses import dataclass

from evergreen.adapters.ledger import Ledger, Release
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import EvergreenError
from evergreen.release.rollback import origin

FAILED_FENCE = "smoke_failed_fence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What became of a set that failed its smoke test.

    Parameters:
        release: that put the version before back; None when there was none, or it cannot serve.
        text: for people: what failed, and which set the shop reads now.
    """

    release: Release | None
    text: str


def restored_before(spec: ModelSpec, *, fence: int, ledger: Ledger) -> Release | None:
    """Return the release that was made when the release `fence` failed; None before that."""
    of = ledger.releases(spec.model)
    return next((r for r in of if r.evidence.get(FAILED_FENCE) == fence), None)


def restore(
    spec: ModelSpec, *, fence: int, problem: str, ledger: Ledger, published: Published
) -> Restored:
    """Release the version before again, because the set of release `fence` failed.

    The same again (a retry after a kill) returns the release that was made. The version that failed
    is not blocked: its model is as good as the gate found it, and once its set is mended (remove
    its folder, run `publish` again) the retraining goes on.

    Args:
        spec: the model.
        fence: of the release whose set failed.
        problem: what the smoke test said.
        ledger: where it is recorded, as kind `rollback`.
        published: where the older version's set lies.

    Raises:
        ChampionChanged: another release came first.
    """
    made = restored_before(spec, fence=fence, ledger=ledger)
    if made is not None:
        return Restored(release=made, text=made.reason)
    failed = next(r for r in ledger.releases(spec.model) if r.fence == fence)
    previous, failing = failed.replaced_version, f"version {failed.version} failed its smoke test"
    if previous is None:
        return Restored(
            release=None,
            text=f"{failing}: {problem}; CURRENT had nothing before, so there is no set to "
            f"restore: the shop reads this one until it is mended",
        )
    try:
        run_key, as_of = origin(spec.model, previous, ledger, published)
        published.verify(previous)
    except EvergreenError as error:
        return Restored(
            release=None,
            text=f"{failing}: {problem}; version {previous} cannot be restored: {error}",
        )
    reason = f"{failing}, version {previous} was restored: {problem}"
    release = ledger.release(
        spec.model,
        previous,
        expected=failed.version,
        kind="rollback",
        run_key=run_key,
        as_of=as_of,
        reason=reason,
        evidence={"replaced_version": failed.version, FAILED_FENCE: fence, "problem": problem},
    )
    return Restored(release=release, text=reason)
