"""Making a version champion, and bringing everything that readers see in line with the ledger.

The ledger alone says who is champion. `CURRENT` and the registry's alias follow it: after a crash
between them, `follow` finishes what was begun, as often as it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evergreen.adapters.ledger import Ledger, Release
from evergreen.adapters.published import Published
from evergreen.adapters.registry import Registry
from evergreen.config.model_spec import ModelSpec


def promote(
    spec: ModelSpec,
    *,
    version: int,
    expected: int | None,
    run_key: str,
    as_of: datetime,
    reason: str,
    evidence: Mapping[str, Any],
    ledger: Ledger,
) -> Release:
    """Release a challenger, if the champion is still the one that it beat.

    Args:
        spec: the model.
        version: the challenger.
        expected: the champion that the gate compared it with; None: there was none.
        run_key: the retraining that made the challenger.
        as_of: the moment that its features look back from.
        reason: the gate's reasons, for people.
        evidence: the gate's report.
        ledger: where it is recorded.

    Raises:
        ChampionChanged: another champion came first; evaluate against that one.
        VersionBlocked: probation rolled this version back; only a person may put it back.
    """
    return ledger.release(
        spec.model,
        version,
        expected=expected,
        kind="promotion",
        run_key=run_key,
        as_of=as_of,
        reason=reason,
        evidence=dict(evidence),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What had to be done so that all name the ledger's champion.

    Parameters:
        current: what was done about `CURRENT`, or has to wait; empty when it was right.
        alias: the same of the registry's alias `champion`.
        by_hand: whether a hand had moved the alias: it named what no release explains.
    """

    current: str = ""
    alias: str = ""
    by_hand: bool = False

    @property
    def text(self) -> str:
        """A line for each repair; empty when all agreed."""
        return "\n".join(line for line in (self.current, self.alias) if line)


def follow(spec: ModelSpec, ledger: Ledger, published: Published, registry: Registry) -> str:
    """Let `CURRENT` and the alias name the ledger's champion; say what was repaired (`repair`)."""
    return repair(spec, ledger, published, registry).text


def repair(spec: ModelSpec, ledger: Ledger, published: Published, registry: Registry) -> Repaired:
    """Let `CURRENT` and the alias `champion` name the ledger's champion.

    `CURRENT` comes first, because readers wait for it; an unreachable registry does not stop it.

    Raises:
        PublishRefused: the champion's set is damaged, or `CURRENT` is of a later release.
        RegistryUnreachable: the alias could not be read or set; `CURRENT` is right already.
    """
    while True:
        champion = ledger.champion(spec.model)
        if champion is None:
            return Repaired()
        current = _follow_current(champion, published)
        alias, by_hand = _follow_alias(champion, ledger, registry)
        if ledger.champion(spec.model) == champion:
            return Repaired(current=current, alias=alias, by_hand=by_hand)


def _follow_current(champion: Release, published: Published) -> str:
    current = published.current()
    if current is not None and (current.version, current.fence) == (
        champion.version,
        champion.fence,
    ):
        return ""
    before = "no version" if current is None else f"version {current.version}"
    if not published.has(champion.version):
        return (
            f"CURRENT: still {before}; the set of version {champion.version} is not published "
            "yet; run `evergreen release reconcile`, or the retraining again"
        )
    published.flip(champion.version, champion.fence)
    return f"CURRENT: {before} → version {champion.version} (release {champion.fence})"


def _follow_alias(champion: Release, ledger: Ledger, registry: Registry) -> tuple[str, bool]:
    """Return what was done, and whether a hand had moved the alias.

    The alias follows one release after the other, and the registry remembers the last one. An alias
    that lags behind the ledger names what that release put there; any other is a hand's work.
    """
    model, version = champion.model, champion.version
    alias, followed = registry.champion(model), registry.followed(model)
    if alias == version and followed == champion.fence:
        return "", False
    registry.set_champion(model, version)
    registry.set_followed(model, champion.fence)
    if alias == version:
        return "", False
    if alias is not None and ledger.released(model, alias) is None:
        found, by_hand = (
            f"had been moved by hand to version {alias}, which was never released",
            True,
        )
    elif followed == champion.fence:
        moved = "removed by hand" if alias is None else f"moved by hand to version {alias}"
        found, by_hand = f"had been {moved}", True
    else:
        before = "none" if alias is None else f"version {alias}"
        return f"alias champion: {before} → version {version}", False
    return f"alias champion: {found}; put back to version {version}", by_hand
