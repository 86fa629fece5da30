"""The worlds, and what validation finds in them: damaged days and good ones, in one run a model."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from bandit_world import bandit_world
from findings import Judged, judge
from good_world import World
from shop_world import shop_world


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A shop with one champion."""
    return shop_world(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def bandits(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, World]:
    """A week of each policy and campaign."""
    return {
        f"{policy}-{campaign}": bandit_world(
            tmp_path_factory.mktemp(f"{policy}-{campaign}"), policy, campaign
        )
        for policy in ("random", "bts")
        for campaign in ("men", "women")
    }


@pytest.fixture(scope="session")
def judged_shop(shop: World, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """What validation finds in the shop."""
    return judge({"shop": shop}, tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="session")
def judged_bandits(
    bandits: Mapping[str, World], tmp_path_factory: pytest.TempPathFactory
) -> Judged:
    """What validation finds in the logged policies; damage is planted in the first."""
    return judge(bandits, tmp_path_factory.mktemp("judged"))
