"""What the page of a model is made of: maps, spans, distributions, releases on the lake's clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from evergreen.adapters.ledger import Ledger
from evergreen.adapters.ledger_views import DecisionView
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import WindowEmpty
from evergreen.domain.windows import HOUR, Window
from evergreen.monitor.decision_spans import decision_spans
from evergreen.monitor.distribution import distribution, newest_drift_hour
from evergreen.monitor.drift_map import MAX_BODIES, MAX_CELLS, drift_map, hours_to_read
from evergreen.monitor.model_page import model_page
from made_models import EVIL, NEWEST, decide, measure, release

END = NEWEST + HOUR
SPEC = ModelSpec.model_validate({"model": "coats", "description": "", "owner": "team"})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    made.migrate()
    yield made
    made.close()


@pytest.mark.parametrize(("days", "read"), [(2, 48), (7, 168), (30, 720), (90, 720)])
def test_a_map_reads_a_bounded_number_of_bodies(days: int, read: int) -> None:
    hours = hours_to_read(Window.last(timedelta(days=days), until=END))
    assert len(hours) == read <= MAX_BODIES
    assert hours[-1] == NEWEST


def test_a_cell_is_the_worst_of_its_hours(ledger: Ledger) -> None:
    measure(ledger, "coats", hours=12)
    measure(ledger, "coats", hours=1, newest=NEWEST - 3 * HOUR, drifted=[EVIL])
    window = Window.last(timedelta(days=7), until=END)
    found = drift_map(window, ledger.said_of_hours("coats", "drift", hours_to_read(window)))
    assert (found.period_hours, len(found.at)) == (2, 84)
    assert len(found.at) <= MAX_CELLS
    first = found.columns[0]
    assert first.column == EVIL
    assert first.drifted[-3:] == [None, "shift", None]
    assert first.size[-3:] == [0.2, 4.0, 0.2]
    assert first.size[0] is None
    assert [row.column for row in found.columns[1:]] == ["price", "score", "source"]


def test_an_empty_map_has_no_columns() -> None:
    assert drift_map(Window.last(timedelta(days=2), until=END), []).columns == []


def view(back: int, action: str, *, replay: bool = False, reason: str = "") -> DecisionView:
    return DecisionView(
        model="coats",
        hour=NEWEST - HOUR * back,
        action=action,
        would=None,
        reasons=[reason],
        replay=replay,
        decided_at=NEWEST,
    )


def test_hours_with_the_same_decision_are_one_span() -> None:
    said = [
        view(0, "warn", reason="newest"),
        view(1, "warn"),
        view(1, "healthy", replay=True),
        view(2, "healthy"),
        view(4, "healthy"),
        view(5, "healthy", replay=True),
    ]
    spans = decision_spans(said, limit=9)
    assert [(s.action, s.hours, s.replay) for s in spans] == [
        ("warn", 2, False),
        ("healthy", 1, False),
        ("healthy", 1, False),
        ("healthy", 1, True),
    ]
    assert (spans[0].first, spans[0].last) == (NEWEST - HOUR, NEWEST)
    assert spans[0].reasons == ["newest"]
    assert len(decision_spans(said, limit=2)) == 2


def test_a_column_s_distribution_stands_beside_its_reference(ledger: Ledger) -> None:
    release(ledger, "coats")
    measure(ledger, "coats", hours=30)
    measure(ledger, "coats", hours=24, drifted=[EVIL])
    found = distribution(SPEC, EVIL, newest_drift_hour("coats", ledger), ledger=ledger)
    assert found is not None
    assert found.labels == ["up to 1", "1 to 2", "2 to 4", "above 4", "missing"]
    assert found.reference == [0.25, 0.25, 0.25, 0.25, 0.0]
    assert found.day == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert (found.day_rows, found.single_rows, found.reference_rows) == (9_600, 400, 10_000)
    assert {look.view: look.verdict for look in found.looks} == {"24h": "yes", "1h": "yes"}
    assert distribution(SPEC, "no such column", NEWEST, ledger=ledger) is None
    with pytest.raises(WindowEmpty):
        distribution(SPEC, EVIL, NEWEST + HOUR, ledger=ledger)


def test_hours_in_quarantine_are_not_in_the_distribution(ledger: Ledger) -> None:
    release(ledger, "coats")
    measure(ledger, "coats", hours=24)
    for back in range(23):
        hour = NEWEST - HOUR * back
        ledger.quarantine("coats", "impressions", hour, generation=1, reasons=["damaged"])
    found = distribution(SPEC, "price", NEWEST, ledger=ledger)
    assert found is not None
    assert (found.day_rows, found.single_rows, found.single) == (400, 0, [])


def test_a_page_without_any_record(ledger: Ledger) -> None:
    page = model_page(SPEC, 7, ledger=ledger, now=NEWEST + timedelta(minutes=7))
    assert page.end == NEWEST
    assert len(page.timeline.at) == 168
    assert set(page.timeline.ctr) == {None}
    assert (page.releases, page.runs, page.decisions, page.drift.columns) == ([], [], [], [])


def test_a_release_is_shown_at_its_version_s_first_hour(ledger: Ledger) -> None:
    release(ledger, "coats", 1, as_of=NEWEST - timedelta(days=90))
    measure(ledger, "coats", hours=40, newest=NEWEST - 12 * HOUR)
    release(ledger, "coats", 2, as_of=NEWEST - 13 * HOUR)
    measure(ledger, "coats", hours=12, version=2)
    decide(ledger, "coats", "healthy", "as expected")
    page = model_page(SPEC, 7, ledger=ledger, now=END)
    (one,) = page.deployed  # version 1 came to power before this time
    assert (one.version, one.exact) == (2, True)
    assert one.at == int((NEWEST - 11 * HOUR).timestamp())
    assert page.timeline.version[-13:-10] == ["1", "2", "2"]
    assert page.timeline.expected[-1] == pytest.approx(0.1)
    assert [r.version for r in page.releases] == [2, 1]
