"""The whole loop under a live scheduler: the demo itself, on the built-in shop."""

from __future__ import annotations

import json

import pytest
from kept_demo import BACKFILLED, MODEL, Told

from evergreen.adapters.lake import Lake
from evergreen.adapters.published import Published
from evergreen.domain.windows import HOUR, Window, parse_hour

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


def test_the_stale_champion_is_replaced_by_a_better_one(told: Told) -> None:
    report = told.report
    assert report["verdict"] == "PROMOTE"
    assert (report["champion_before"], report["champion_after"]) == (1, 2)
    assert report["ctr_stale"] < 0.75 * report["ctr_fresh"]
    assert report["ctr_after"] > 1.2 * report["ctr_stale"]
    current = Published(str(told.home / "published" / MODEL)).current()
    assert current is not None
    assert current.version == 2


def test_the_report_and_the_picture_are_there(told: Told) -> None:
    assert json.loads((told.out / "report.json").read_text()) == told.report
    assert (told.out / "ctr.png").read_bytes().startswith(b"\x89PNG")
    wanted = {
        *("data_source", "ctr_fresh", "ctr_stale", "ctr_after", "landing_to_published_s"),
        *("verdict", "reasons", "champion_before", "champion_after", "trigger_hour"),
    }
    assert wanted <= set(told.report)


def test_landing_to_published_is_what_lake_and_set_say(told: Told) -> None:
    """The figure is `_SUCCESS` to `CURRENT`; its bound (120 s) is judged on a quiet machine."""
    hour = parse_hour(told.report["trigger_hour"])
    landed = Lake(str(told.home / "lake" / MODEL)).require_closed("impressions", hour).closed_at
    published = Published(str(told.home / "published" / MODEL)).current()
    assert published is not None
    seconds = (published.published_at - landed).total_seconds()
    assert told.report["landing_to_published_s"] == round(seconds, 1)


def test_the_decision_was_on_record_before_the_release(told: Told) -> None:
    decision = told.ledger.decision(MODEL, parse_hour(told.report["trigger_hour"]))
    champion = told.ledger.champion(MODEL)
    assert decision is not None
    assert champion is not None
    assert decision.action == "request_retrain"
    assert decision.decided_at < champion.released_at
    assert champion.evidence["requested"] == "; ".join(decision.body["reasons"])


def test_a_backfill_measures_every_hour_and_never_acts(told: Told) -> None:
    start = parse_hour(told.report["trigger_hour"]) + 2 * HOUR
    window = Window(start, start + BACKFILLED * HOUR)
    for sensor in ("ctr", "drift"):
        measured = told.ledger.measurements(MODEL, window, sensor)
        assert [m.hour for m in measured] == list(window.hours())
        assert all(m.replay for m in measured)
    assert told.report["backfill"]["alerts"] == 0
    assert told.report["backfill"]["retrainings"] == 0
    assert len(told.ledger.runs(MODEL)) == 2
    assert [r.version for r in told.ledger.releases(MODEL)] == [1, 2]


def test_one_incident_was_opened_and_closed(told: Told) -> None:
    (incident,) = told.ledger.incidents(MODEL)
    assert incident.outcome == "promoted version 2"
    assert told.ledger.open_incident_of(MODEL) is None
