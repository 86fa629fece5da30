"""On a shop's real sales: a day later there is nothing to gain, in April there is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from real_shop import SALES_LOG, RealShop

JANUARY = datetime(2011, 1, 27, tzinfo=UTC)
A_DAY_LATER = datetime(2011, 1, 28, tzinfo=UTC)
APRIL = datetime(2011, 4, 16, tzinfo=UTC)


@pytest.mark.data
def test_a_challenger_of_april_is_promoted_and_one_of_the_next_day_is_not(tmp_path: Path) -> None:
    if not SALES_LOG.is_file():
        pytest.skip(f"{SALES_LOG} is not here")
    shop = RealShop(tmp_path, APRIL)
    first = shop.challenge(JANUARY)
    shop.release(first)  # whatever the gate says: who comes after it is judged here
    early = shop.challenge(A_DAY_LATER)
    gain = next(rule for rule in early["evidence"]["rules"] if rule["name"] == "gain")
    assert early["verdict"] != "PROMOTE"
    assert gain["verdict"] != "pass"
    late = shop.challenge(APRIL)
    assert late["verdict"] == "PROMOTE", late["reasons"]
    assert (late["expected"], late["evidence"]["budget"]["attempt"]) == (first["version"], 2)
