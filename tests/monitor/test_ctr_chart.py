"""The picture of an incident: a PNG of what was judged, and none where nothing was."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from made_world import NOON, World, hour_at

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.monitor import ctr_chart as module
from evergreen.monitor.ctr_chart import ctr_chart

HOUR = datetime(2011, 5, 2, 12, tzinfo=UTC)
SPEC = ModelSpec(model="shop", description="d", owner="o")
OTHER = ModelSpec(model="other", description="d", owner="o")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.migrate()
    return ledger


def judge(ledger: Ledger, back: int, ctr: float | None, **body: object) -> None:
    share = {"value": ctr, "lower": ctr and ctr - 0.01, "upper": ctr and ctr + 0.01}
    said = {"ctr": share, "expected": 0.16, "bound": 0.136, "since": None, **body}
    at = HOUR - timedelta(hours=back)
    ledger.put_measurement(SPEC.model, at, "ctr", verdict="no", body=said, replay=False)


def test_a_png_of_the_days_before(ledger: Ledger) -> None:
    for back in range(200):
        judge(ledger, back, 0.10 if back < 30 else None if back == 50 else 0.16)
    judge(ledger, 0, 0.10, since="2011-05-01T06")
    png = ctr_chart(SPEC, HOUR, ledger=ledger)
    assert png is not None
    assert png.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", png[16:24]) == (880, 352)


def test_without_baseline_or_bound(ledger: Ledger) -> None:
    for back in range(3):
        judge(ledger, back, 0.1, expected=None, bound=0.0)
    assert ctr_chart(SPEC, HOUR, ledger=ledger) is not None


def test_days_in_which_the_monitor_did_not_run_are_judged_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hours in range(-9, 1):
        world.land(hour_at(hours), clicks=10 if hours > -3 else 20)
    said = world.judge(NOON)["ctr"]
    drawn: list[Any] = []
    monkeypatch.setattr(module, "_draw", lambda model, judged: drawn.extend(judged) or b"png")
    assert ctr_chart(world.spec, NOON, ledger=world.ledger) == b"png"
    assert [hour for hour, _ in drawn] == [hour_at(hours) for hours in range(-9, 1)]
    assert drawn[-1][1]["ctr"]["value"] == pytest.approx(said["ctr"]["value"])
    assert drawn[-1][1]["since"] == said["since"] == "2011-05-02T10"
    assert drawn[-6][1]["ctr"]["value"] == pytest.approx(0.10)


def test_nothing_to_draw(ledger: Ledger) -> None:
    judge(ledger, 1, 0.1)
    judge(ledger, 2, None)
    judge(ledger, 24 * 30, 0.1)
    assert ctr_chart(SPEC, HOUR, ledger=ledger) is None
    assert ctr_chart(OTHER, HOUR, ledger=ledger) is None
