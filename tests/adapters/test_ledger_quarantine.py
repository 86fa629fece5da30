"""Who lets an hour out of quarantine, and of which generation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from evergreen.adapters.ledger import Ledger

PLACE = ("also_bought", "orders", datetime(2011, 5, 2, 13, tzinfo=UTC))
REASON = "passed validation"


@pytest.mark.parametrize(("judged", "released"), [(2, False), (3, True), (4, True)])
def test_validation_releases_what_is_not_newer_than_what_it_judged(
    ledger: Ledger, judged: int, released: bool
) -> None:
    ledger.quarantine(*PLACE, generation=3, reasons=["damaged"])
    left = ledger.release_hour(*PLACE, by="validation", reason=REASON, generation=judged)
    assert left is released
    (record,) = ledger.quarantine_records(PLACE[0], active=False)
    assert (record.released_by, record.release_reason) == (
        ("validation", REASON) if released else (None, None)
    )


def test_a_person_releases_whatever_generation_it_is(ledger: Ledger) -> None:
    ledger.quarantine(*PLACE, generation=3, reasons=["damaged"])
    assert ledger.release_hour(*PLACE, by="person", reason="a sale")
    assert not ledger.release_hour(*PLACE, by="person", reason="twice")
