"""Following the ledger: what is repaired, what has to wait, what is said about it."""

from __future__ import annotations

import pytest
from made_releases import Aliases, promote_version, publish

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import ChampionChanged, PublishRefused, RegistryUnreachable
from evergreen.release.promote import follow, repair


def current(published: Published) -> tuple[int, int] | None:
    found = published.current()
    return None if found is None else (found.version, found.fence)


def test_nothing_to_follow(
    spec: ModelSpec, ledger: Ledger, published: Published, registry: Aliases
) -> None:
    assert follow(spec, ledger, published, registry) == ""
    assert registry.champion(spec.model) is None


def test_promote_says_what_it_was(spec: ModelSpec, ledger: Ledger) -> None:
    release = promote_version(spec, ledger, 1, None)
    assert (release.kind, release.fence, release.reason) == ("promotion", 1, "better")
    with pytest.raises(ChampionChanged):
        promote_version(spec, ledger, 2, None)


def test_a_crash_after_the_ledger_is_finished(
    spec: ModelSpec, ledger: Ledger, published: Published, registry: Aliases
) -> None:
    publish(published, 1)
    promote_version(spec, ledger, 1, None)
    assert follow(spec, ledger, published, registry).splitlines() == [
        "CURRENT: no version → version 1 (release 1)",
        "alias champion: none → version 1",
    ]
    publish(published, 2)
    promote_version(spec, ledger, 2, 1)
    assert follow(spec, ledger, published, registry).splitlines() == [
        "CURRENT: version 1 → version 2 (release 2)",
        "alias champion: version 1 → version 2",
    ]
    assert follow(spec, ledger, published, registry) == ""
    assert (current(published), registry.champion(spec.model)) == ((2, 2), 2)


def test_a_set_that_is_not_there_has_to_wait(
    spec: ModelSpec, ledger: Ledger, published: Published, registry: Aliases
) -> None:
    publish(published, 1)
    promote_version(spec, ledger, 1, None)
    follow(spec, ledger, published, registry)
    promote_version(spec, ledger, 2, 1)
    said = follow(spec, ledger, published, registry)
    assert "CURRENT: still version 1; the set of version 2 is not published yet" in said
    assert current(published) == (1, 1)


def test_an_alias_moved_by_hand_is_reported_and_put_back(
    spec: ModelSpec, ledger: Ledger, published: Published, registry: Aliases
) -> None:
    publish(published, 1)
    promote_version(spec, ledger, 1, None)
    follow(spec, ledger, published, registry)
    registry.set_champion(spec.model, 7)
    assert follow(spec, ledger, published, registry) == (
        "alias champion: had been moved by hand to version 7, which was never released; "
        "put back to version 1"
    )
    assert registry.champion(spec.model) == 1


def test_an_alias_moved_by_hand_to_an_older_champion_is_no_lag(
    spec: ModelSpec, ledger: Ledger, published: Published, registry: Aliases
) -> None:
    for version, expected in ((1, None), (2, 1)):
        publish(published, version)
        promote_version(spec, ledger, version, expected)
        assert not repair(spec, ledger, published, registry).by_hand
    registry.set_champion(spec.model, 1)
    done = repair(spec, ledger, published, registry)
    assert (done.by_hand, done.text) == (
        True,
        "alias champion: had been moved by hand to version 1; put back to version 2",
    )
    assert registry.champion(spec.model) == 2
    assert not repair(spec, ledger, published, registry).by_hand


def test_an_alias_that_lags_behind_two_releases_was_moved_by_nobody(
    spec: ModelSpec, ledger: Ledger, published: Published, registry: Aliases
) -> None:
    for version, expected in ((1, None), (2, 1), (3, 2)):
        publish(published, version)
        promote_version(spec, ledger, version, expected)
        if version == 1:
            follow(spec, ledger, published, registry)
    done = repair(spec, ledger, published, registry)
    assert (done.by_hand, done.alias) == (False, "alias champion: version 1 → version 3")


def test_current_is_right_even_when_the_registry_is_down(
    spec: ModelSpec,
    ledger: Ledger,
    published: Published,
    registry: Aliases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def down(model: str) -> int:
        raise RegistryUnreachable("MLflow is down")

    publish(published, 1)
    promote_version(spec, ledger, 1, None)
    monkeypatch.setattr(registry, "champion", down)
    with pytest.raises(RegistryUnreachable):
        follow(spec, ledger, published, registry)
    assert current(published) == (1, 1)


def test_a_current_of_a_later_release_is_not_overwritten(
    spec: ModelSpec, ledger: Ledger, published: Published, registry: Aliases
) -> None:
    publish(published, 1)
    published.flip(1, 5)  # the ledger was restored from an old backup
    promote_version(spec, ledger, 1, None)
    with pytest.raises(PublishRefused, match=r"release 1 \(version 1\) comes too late"):
        follow(spec, ledger, published, registry)


def test_a_release_that_comes_while_following_is_followed_too(
    spec: ModelSpec,
    ledger: Ledger,
    published: Published,
    registry: Aliases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for version in (1, 2):
        publish(published, version)
    promote_version(spec, ledger, 1, None)
    set_champion = registry.set_champion

    def meanwhile(model: str, version: int) -> None:
        monkeypatch.setattr(registry, "set_champion", set_champion)
        promote_version(spec, ledger, 2, 1)
        set_champion(model, version)

    monkeypatch.setattr(registry, "set_champion", meanwhile)
    follow(spec, ledger, published, registry)
    assert (current(published), registry.champion(spec.model)) == ((2, 2), 2)
