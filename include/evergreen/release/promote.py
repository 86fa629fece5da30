"""Making a version champion, and bringing everything that readers see in line with the ledger.

The ledger alone says who is champion. `CURRENT` and the registry's alias follow it: after a crash
between them, `follow` finishes what was begun, as often as it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def follow(spec: ModelSpec, ledger: Ledger, published: Published, registry: Registry) -> str:
    """Let `CURRENT` and the alias `champion` name the ledger's champion; say what was repaired.

    `CURRENT` comes first, because readers wait for it; an unreachable registry does not stop it.

    Returns:
        A line for each repair, and for each one that has to wait; empty when all agree.

    Raises:
        PublishRefused: the champion's set is damaged, or `CURRENT` is of a later release.
        RegistryUnreachable: the alias could not be read or set; `CURRENT` is right already.
    """
    while True:
        champion = ledger.champion(spec.model)
        if champion is None:
            return ""
        said = [_follow_current(champion, published), _follow_alias(champion, ledger, registry)]
        if ledger.champion(spec.model) == champion:
            return "\n".join(line for line in said if line)


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
            "yet, run its publish step"
        )
    published.flip(champion.version, champion.fence)
    return f"CURRENT: {before} → version {champion.version} (release {champion.fence})"


def _follow_alias(champion: Release, ledger: Ledger, registry: Registry) -> str:
    alias = registry.champion(champion.model)
    if alias == champion.version:
        return ""
    registry.set_champion(champion.model, champion.version)
    if alias is None:
        return f"alias champion: none → version {champion.version}"
    if ledger.released(champion.model, alias) is None:
        return (
            f"alias champion: had been moved by hand to version {alias}, which was never "
            f"released; put back to version {champion.version}"
        )
    return f"alias champion: version {alias} → version {champion.version}"
