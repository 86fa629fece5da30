"""Going back: only to what was released or registered, is published and whole."""

from __future__ import annotations

import pytest
from made_releases import AS_OF, Aliases, promote_version, publish

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import PublishRefused, VersionUnknown
from evergreen.release.promote import follow
from evergreen.release.rollback import roll_back


@pytest.fixture
def two(
    spec: ModelSpec, ledger: Ledger, published: Published, registry: Aliases
) -> tuple[Ledger, Published]:
    """Version 2 in force, after version 1."""
    for version, expected in [(1, None), (2, 1)]:
        publish(published, version)
        promote_version(spec, ledger, version, expected)
    follow(spec, ledger, published, registry)
    return ledger, published


def test_an_older_version_is_put_in_force(
    spec: ModelSpec, two: tuple[Ledger, Published], registry: Aliases
) -> None:
    ledger, published = two
    release = roll_back(spec, version=1, reason="CTR fell", ledger=ledger, published=published)
    assert (release.kind, release.fence, release.replaced_version) == ("rollback", 3, 2)
    assert (release.run_key, release.as_of, release.reason) == ("run-1", AS_OF, "CTR fell")
    follow(spec, ledger, published, registry)
    current = published.current()
    assert current is not None
    assert (current.version, current.fence) == (1, 3)
    assert registry.champion(spec.model) == 1


def test_a_retry_returns_the_same_release(spec: ModelSpec, two: tuple[Ledger, Published]) -> None:
    ledger, published = two
    first = roll_back(spec, version=1, reason="CTR fell", ledger=ledger, published=published)
    again = roll_back(spec, version=1, reason="CTR fell", ledger=ledger, published=published)
    assert again == first
    with pytest.raises(VersionUnknown, match="version 1 is the champion already"):
        roll_back(spec, version=1, reason="again", ledger=ledger, published=published)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (2, "version 2 is the champion already"),
        (9, "version 9 was never released or registered; released were 1, 2"),
    ],
)
def test_versions_that_cannot_be_gone_back_to(
    spec: ModelSpec, two: tuple[Ledger, Published], version: int, words: str
) -> None:
    ledger, published = two
    with pytest.raises(VersionUnknown, match=words):
        roll_back(spec, version=version, reason="x", ledger=ledger, published=published)


def test_a_set_that_is_gone_or_damaged(
    spec: ModelSpec, two: tuple[Ledger, Published], tmp_path
) -> None:
    ledger, published = two
    folder = tmp_path / "published" / "version=1"
    (folder / "popular.parquet").write_bytes(b"PAR1")
    with pytest.raises(PublishRefused, match="was changed after it was published"):
        roll_back(spec, version=1, reason="x", ledger=ledger, published=published)
    (folder / "_SUCCESS").unlink()
    with pytest.raises(
        VersionUnknown, match="version 1 is gone from the published sets; there are 2"
    ):
        roll_back(spec, version=1, reason="x", ledger=ledger, published=published)
    assert len(ledger.releases(spec.model)) == 2


def test_nothing_was_released(spec: ModelSpec, ledger: Ledger, published: Published) -> None:
    with pytest.raises(VersionUnknown, match="nothing was released yet"):
        roll_back(spec, version=1, reason="x", ledger=ledger, published=published)


def test_a_version_that_was_registered_and_published_but_held(
    spec: ModelSpec, two: tuple[Ledger, Published]
) -> None:
    ledger, published = two
    ledger.open_run(spec.model, "run-3", trigger="manual", manifest={})
    ledger.close_run("run-3", verdict="HOLD", version=3, body={})
    publish(published, 3)
    release = roll_back(spec, version=3, reason="by hand", ledger=ledger, published=published)
    assert (release.run_key, release.as_of) == ("run-3", AS_OF)
