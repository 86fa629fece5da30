"""A day is compared with what served it: released versions, their items, their profile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from made_world import World

from evergreen.adapters.facts import Known
from evergreen.adapters.ledger import Release
from evergreen.adapters.published import TABLES, Published
from evergreen.domain.windows import HOUR
from evergreen.monitor.known import known_of

DAY = datetime(2011, 5, 2, tzinfo=UTC)
Asks = Callable[..., Known]


def table(name: str, *items: str) -> pl.DataFrame:
    body: dict[str, Any] = dict.fromkeys(TABLES[name], 1)
    columns = {**body, "item_id": list(items), "context_item_id": "a"}
    wanted = {column: columns[column] for column in TABLES[name]}
    return pl.DataFrame(wanted, schema=TABLES[name])


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(str(tmp_path / "published"))


@pytest.fixture
def known(world: World, published: Published) -> Asks:
    def ask(*, trained: bool = True) -> Known:
        spec = world.spec.model_copy(
            update={"train": world.spec.train.model_copy(update={"enabled": trained})}
        )
        return known_of(
            spec,
            DAY,
            lake=world.lake,
            ledger=world.ledger,
            published=published,
            recompute_at=made_again,
        )

    return ask


def made_again(release: Release) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda pairs: pairs.with_columns(version=pl.lit(release.version))


def again(known: Known) -> list[int]:
    """Return the version whose features are made again."""
    assert known.recompute is not None
    return list(known.recompute(pl.DataFrame({"item_id": ["a"]}))["version"])


def test_the_version_that_served_the_day_counts(world: World, known: Asks) -> None:
    world.land(DAY + HOUR, version="1")
    world.release(2)  # came to power after the day
    said = known()
    assert said.profile is not None
    assert said.profile.model_version == "1"
    assert again(said) == [1]
    assert said.versions == {"none", "1", "2"}


def test_a_version_that_nobody_released_is_not_compared_with(world: World, known: Asks) -> None:
    world.land(DAY + HOUR, version="1; drop table")
    said = known()
    assert said.profile is not None
    assert (said.profile.model_version, again(said)) == ("1", [1])


def test_a_day_that_cannot_be_read_is_compared_with_the_champion(world: World, known: Asks) -> None:
    world.land(DAY + HOUR)
    (file,) = Path(world.lake.url).glob("impressions/*/*.parquet")
    file.write_bytes(b"PAR1 not parquet PAR1")
    said = known()
    assert said.profile is not None
    assert said.profile.model_version == "1"


def test_a_model_that_is_trained_elsewhere_has_no_known_versions(known: Asks) -> None:
    assert known(trained=False).versions is None


def test_items_are_those_of_the_published_sets(known: Asks, published: Published) -> None:
    assert known().items is None
    lists, popular = table("recommendations", "a", "b"), table("popular", "b", "c")
    published.write(1, lists, popular, as_of=DAY)
    assert known().items == {"a", "b", "c"}


def test_a_damaged_set_leaves_items_unknown(
    known: Asks, published: Published, tmp_path: Path
) -> None:
    published.write(1, table("recommendations", "a"), table("popular", "b"), as_of=DAY)
    (tmp_path / "published" / "version=1" / "popular.parquet").write_bytes(b"")
    assert known().items is None
