"""What failed its probation is replaced by what it replaced, and never promoted again."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_releases import AS_OF, promote_version, publish

from evergreen.adapters.ledger import Ledger, Release
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ChampionChanged, PublishRefused, VersionBlocked, VersionUnknown
from evergreen.release.probation import roll_back_failed
from evergreen.release.rollback import roll_back


def release_all(spec: ModelSpec, ledger: Ledger, published: Published, *versions: int) -> None:
    for version in versions:
        champion = ledger.champion(spec.model)
        publish(published, version)
        promote_version(spec, ledger, version, champion.version if champion else None)


def fail(spec: ModelSpec, ledger: Ledger, published: Published) -> Release | None:
    """Let the champion fail."""
    champion = ledger.champion(spec.model)
    assert champion is not None
    verdict = {"version": champion.version, "fence": champion.fence, "reason": "CTR fell"}
    return roll_back_failed(spec, verdict=verdict, ledger=ledger, published=published)


def test_the_version_before_comes_back(
    spec: ModelSpec, ledger: Ledger, published: Published
) -> None:
    release_all(spec, ledger, published, 1, 2)
    made = fail(spec, ledger, published)
    assert made is not None
    assert (made.version, made.kind, made.fence, made.replaced_version) == (1, "probation", 3, 2)
    assert (made.run_key, made.as_of) == ("run-1", AS_OF)
    assert made.evidence == {
        "verdict": {"version": 2, "fence": 2, "reason": "CTR fell"},
        "replaced_version": 2,
        "failed_fence": 2,
    }
    assert ledger.champion(spec.model) == made


def test_a_blocked_version_is_not_promoted_and_a_person_may_put_it_back(
    spec: ModelSpec, ledger: Ledger, published: Published
) -> None:
    release_all(spec, ledger, published, 1, 2)
    assert ledger.blocked(spec.model) == frozenset()
    fail(spec, ledger, published)
    assert ledger.blocked(spec.model) == frozenset({2})
    assert ledger.blocked("other") == frozenset()
    with pytest.raises(VersionBlocked, match="version 2 was rolled back by its probation"):
        promote_version(spec, ledger, 2, 1)
    assert len(ledger.releases(spec.model)) == 3
    back = roll_back(spec, version=2, reason="it was a bug", ledger=ledger, published=published)
    assert (back.version, back.kind) == (2, "rollback")
    release_all(spec, ledger, published, 3)


def test_a_stale_gate_is_told_so_before_it_is_told_that_the_version_is_blocked(
    spec: ModelSpec, ledger: Ledger, published: Published
) -> None:
    release_all(spec, ledger, published, 1, 2)
    fail(spec, ledger, published)
    release_all(spec, ledger, published, 3)
    with pytest.raises(ChampionChanged):
        promote_version(spec, ledger, 2, 1)


def test_there_is_nothing_to_go_back_to(
    spec: ModelSpec, ledger: Ledger, published: Published
) -> None:
    release_all(spec, ledger, published, 1)
    with pytest.raises(VersionUnknown, match="version 1 is the first release"):
        fail(spec, ledger, published)


def test_a_version_before_that_is_blocked_itself_stays_away(
    spec: ModelSpec, ledger: Ledger, published: Published
) -> None:
    release_all(spec, ledger, published, 1, 2)
    fail(spec, ledger, published)
    roll_back(spec, version=2, reason="by hand", ledger=ledger, published=published)
    release_all(spec, ledger, published, 3)
    with pytest.raises(VersionBlocked, match="version 2, which it replaced, had failed its own"):
        fail(spec, ledger, published)
    champion = ledger.champion(spec.model)
    assert champion is not None
    assert champion.version == 3


def test_a_damaged_set_is_not_put_back(
    spec: ModelSpec, ledger: Ledger, published: Published, tmp_path: Path
) -> None:
    release_all(spec, ledger, published, 1, 2)
    file = tmp_path / "published" / "version=1" / "popular.parquet"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(PublishRefused, match="was changed after it was published"):
        fail(spec, ledger, published)
    assert len(ledger.releases(spec.model)) == 2
