"""Published sets: closed once, flipped in order, refused when not whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from evergreen.adapters.published import Published
from evergreen.domain.errors import PublishRefused

AS_OF = datetime(2011, 5, 2, 13, tzinfo=UTC)


def lists(score: float = 0.5) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "context_item_id": ["a", "a", "b"],
            "item_id": ["b", "c", "a"],
            "rank": [1, 2, 1],
            "score": [score, 0.25, 0.125],
            "lift_7d": [1.5, 2.0, None],
        },
        schema_overrides={"rank": pl.Int16, "score": pl.Float32, "lift_7d": pl.Float32},
    )


def popular() -> pl.DataFrame:
    return pl.DataFrame(
        {"item_id": ["a", "b"], "rank": [1, 2], "score": [0.5, 0.25]},
        schema_overrides={"rank": pl.Int16, "score": pl.Float32},
    )


@pytest.fixture(params=["disk", "memory", "s3"])
def published(request: pytest.FixtureRequest, tmp_path: Path) -> Published:
    if request.param == "s3":
        return Published(request.getfixturevalue("s3").folder(tmp_path.name))
    return Published(f"{'memory://' if request.param == 'memory' else ''}{tmp_path}/published")


@pytest.fixture
def on_disk(tmp_path: Path) -> Published:
    published = Published(str(tmp_path))
    published.write(1, lists(), popular(), as_of=AS_OF)
    return published


def test_nothing_is_published_at_first(published: Published) -> None:
    assert published.current() is None
    assert not published.has(1)
    assert published.versions() == []


def test_a_set_comes_back_with_its_features(published: Published) -> None:
    published.write(12, lists(), popular(), as_of=AS_OF)
    published.write(3, lists(), popular(), as_of=AS_OF)
    assert published.recommendations(12).equals(lists())
    assert published.popular(12).equals(popular())
    assert published.versions() == [3, 12]
    assert published.as_of(12) == AS_OF


def test_a_closed_set_is_never_changed(published: Published) -> None:
    published.write(1, lists(score=0.5), popular(), as_of=AS_OF)
    published.write(1, lists(score=0.75), popular(), as_of=AS_OF)
    assert published.recommendations(1)["score"][0] == 0.5


def test_flip_names_version_release_and_moment(published: Published) -> None:
    published.write(1, lists(), popular(), as_of=AS_OF)
    current = published.flip(1, 4)
    assert (current.version, current.fence, current.as_of) == (1, 4, AS_OF)
    assert published.current() == current
    assert published.flip(1, 4) == current  # published_at too: nothing was written


def test_an_older_release_comes_too_late(published: Published) -> None:
    for version in (1, 2):
        published.write(version, lists(), popular(), as_of=AS_OF)
    now = published.flip(2, 7)
    with pytest.raises(PublishRefused, match=r"release 6 \(version 1\) comes too late, release 7"):
        published.flip(1, 6)
    with pytest.raises(PublishRefused, match=r"release 7 \(version 1\) comes too late"):
        published.flip(1, 7)
    assert published.current() == now
    assert published.flip(1, 8).version == 1  # a rollback is a later release


def test_a_set_without_success_is_not_flipped(on_disk: Published, tmp_path: Path) -> None:
    on_disk.flip(1, 1)
    (tmp_path / "version=2").mkdir()
    lists().write_parquet(tmp_path / "version=2" / "recommendations.parquet")
    assert not on_disk.has(2)
    with pytest.raises(PublishRefused, match=r"version=2/_SUCCESS is missing"):
        on_disk.flip(2, 2)
    assert on_disk.current() is not None
    assert on_disk.current() == on_disk.flip(1, 1)


def test_a_changed_file_is_refused_by_its_digest(on_disk: Published, tmp_path: Path) -> None:
    lists(score=0.75).write_parquet(tmp_path / "version=1" / "recommendations.parquet")
    for read in (on_disk.verify, on_disk.recommendations):
        with pytest.raises(PublishRefused, match=r"was changed after it was published: sha256"):
            read(1)


def test_a_file_that_is_gone_is_named(on_disk: Published, tmp_path: Path) -> None:
    (tmp_path / "version=1" / "popular.parquet").unlink()
    with pytest.raises(PublishRefused, match=r"popular.parquet is missing, but its _SUCCESS"):
        on_disk.flip(1, 1)
    assert on_disk.current() is None


def test_a_set_with_another_type_is_refused(tmp_path: Path) -> None:
    published = Published(str(tmp_path))
    published.write(1, lists().cast({"score": pl.Float64}), popular(), as_of=AS_OF)
    with pytest.raises(PublishRefused, match=r"expected columns .* found .*score Float64"):
        published.verify(1)


def test_a_broken_current_says_what_to_do(on_disk: Published, tmp_path: Path) -> None:
    (tmp_path / "CURRENT").write_text(json.dumps({"version": 1}))
    with pytest.raises(PublishRefused, match=r"remove it and run `evergreen release reconcile`"):
        on_disk.current()


def test_a_place_that_cannot_be_written() -> None:
    with pytest.raises(PublishRefused, match=r"cannot .* /dev/null/published"):
        Published("/dev/null/published").write(1, lists(), popular(), as_of=AS_OF)
