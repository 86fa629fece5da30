"""The winner's lists for every context item, put in force once."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_shop import END, Shop

from evergreen.domain.errors import ManifestInvalid, PublishRefused
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.publish import publish


def test_a_version_is_put_in_force(trained: tuple[Shop, str]) -> None:
    shop, folder = trained
    said = publish(folder, version=1, fence=1, published=shop.published)
    current = shop.published.current()
    assert current is not None
    assert (current.version, current.fence, current.as_of) == (1, 1, END)
    assert said == {
        "version": 1,
        "fence": 1,
        "published_at": current.published_at.isoformat(),
    }
    candidates = RunDir(folder).table("build_dataset", "publish_candidates.parquet")
    lists = shop.published.recommendations(1)
    assert lists.height == candidates.height
    assert set(lists["context_item_id"]) == set(candidates["context_item_id"])
    assert lists.columns[4:] == list(shop.spec.features.names)
    assert lists["rank"].max() == shop.spec.train.candidates
    assert shop.published.popular(1).height > 50


def test_again_changes_nothing(trained: tuple[Shop, str]) -> None:
    shop, folder = trained
    first = publish(folder, version=1, fence=1, published=shop.published)
    current = shop.published.current()
    assert publish(folder, version=1, fence=1, published=shop.published) == first
    assert shop.published.current() == current


def test_the_same_set_for_another_release(trained: tuple[Shop, str]) -> None:
    """Back to version 1 after version 2: its set is there, only CURRENT flips."""
    shop, folder = trained
    publish(folder, version=1, fence=1, published=shop.published)
    path = Path(shop.settings.published_root("also_bought")) / "version=1/recommendations.parquet"
    before = path.stat().st_mtime_ns
    publish(folder, version=1, fence=3, published=shop.published)
    assert path.stat().st_mtime_ns == before
    current = shop.published.current()
    assert current is not None
    assert current.fence == 3


def test_an_older_release_comes_too_late(trained: tuple[Shop, str]) -> None:
    shop, folder = trained
    publish(folder, version=1, fence=5, published=shop.published)
    with pytest.raises(PublishRefused, match=r"release 4 \(version 1\) comes too late"):
        publish(folder, version=1, fence=4, published=shop.published)
    assert RunDir(folder).result("publish/release=4") is None


def test_a_damaged_model_is_not_published(trained: tuple[Shop, str]) -> None:
    shop, folder = trained
    path = Path(RunDir(folder).path("train/full_28d", "model.ubj"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ManifestInvalid, match=r"model.ubj is not the file that the step wrote"):
        publish(folder, version=1, fence=1, published=shop.published)
    assert shop.published.current() is None
    assert not shop.published.has(1)
