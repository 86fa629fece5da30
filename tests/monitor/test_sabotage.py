"""A challenger whose published scores are inverted is rolled back within six hours of trade."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sabotaged_shop import MODEL, SabotagedShop

from evergreen.domain.windows import HOUR
from evergreen.release.probation import roll_back_failed
from evergreen.storefront.cleaning import clean
from evergreen.storefront.sales_log import read_sales_log
from evergreen.storefront.shop import built_in_log

REAL = Path(__file__).parents[3] / "shared" / "data" / "online_retail" / "online_retail.parquet"
HOURS = 6
"""Within so many hours of the switch."""


def real_shop(folder: Path) -> tuple[SabotagedShop, datetime, datetime]:
    """UCI Online Retail: the first version of 31 January, the second of Monday 28 February."""
    if not REAL.is_file():
        pytest.skip(f"{REAL} is not here")
    shop = SabotagedShop(clean(read_sales_log(REAL)).orders, folder)
    return shop, datetime(2011, 1, 31, tzinfo=UTC), datetime(2011, 2, 28, 9, tzinfo=UTC)


def built_in_shop(folder: Path) -> tuple[SabotagedShop, datetime, datetime]:
    shop = SabotagedShop(clean(built_in_log()).orders, folder)
    return shop, datetime(2025, 2, 10, tzinfo=UTC), datetime(2025, 3, 10, 9, tzinfo=UTC)


Made = Callable[[Path], tuple[SabotagedShop, datetime, datetime]]
SHOPS = [pytest.param(real_shop, marks=pytest.mark.data), built_in_shop]


def switch(made: Made, folder: Path, *, inverted: bool) -> tuple[SabotagedShop, datetime]:
    """Let version 1 serve for four weeks, then release version 2."""
    shop, trained, switched = made(folder)
    shop.first_champion(trained, switched)
    shop.publish(2, switched, inverted=inverted)
    shop.release(2, switched)
    return shop, switched


def watched(shop: SabotagedShop, hour: datetime) -> dict[str, Any]:
    shop.serve(hour, hour + HOUR)
    return shop.watch(hour)


@pytest.mark.parametrize("made", SHOPS)
def test_inverted_lists_are_rolled_back_within_six_hours(made: Made, tmp_path: Path) -> None:
    shop, switched = switch(made, tmp_path, inverted=True)
    for hours in range(HOURS):
        said = watched(shop, switched + hours * HOUR)
        if said["action"] == "request_rollback":
            break
    trial = said["evidence"]["probation"]
    assert said["action"] == "request_rollback", trial["reason"]
    assert trial["evidence"] > trial["level"]
    ledger, published = shop.ledger, shop.published
    made_again = roll_back_failed(shop.spec, verdict=trial, ledger=ledger, published=published)
    assert made_again is not None
    assert (made_again.version, made_again.kind) == (1, "probation")
    published.flip(made_again.version, made_again.fence)
    current = published.current()
    assert current is not None
    assert current.version == 1
    assert ledger.blocked(MODEL) == frozenset({2})
    after = watched(shop, switched + (hours + 1) * HOUR)
    assert after["action"] != "request_rollback"


@pytest.mark.parametrize("made", SHOPS)
def test_the_same_lists_the_right_way_up_stay(made: Made, tmp_path: Path) -> None:
    shop, switched = switch(made, tmp_path, inverted=False)
    said = [watched(shop, switched + hours * HOUR) for hours in range(HOURS)]
    assert {s["evidence"]["probation"]["verdict"] for s in said} <= {"no", "not_enough_data"}
