"""The explanation page says what the code says: its table, its pictures, its settings."""

from __future__ import annotations

import importlib.util
import re
import sys
from math import log
from types import ModuleType

import pytest
from scipy.stats import entropy

from evergreen.config.monitor_spec import MonitorSpec
from evergreen.config.settings import PROJECT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = PROJECT / "scripts" / "draw_sensors.py"
    spec = importlib.util.spec_from_file_location("draw_sensors", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_table_is_fresh(script: ModuleType) -> None:
    page = script.PAGE.read_text()
    assert page == script.with_table(page), "stale: run scripts/draw_sensors.py"
    assert page.count("| 2,000 | 3 | 2.7 d | 28.5 h | 9.9 h | 3.6 h |") == 1


def test_the_bound_is_lordens(script: ModuleType) -> None:
    information = entropy([0.03, 0.97], [0.04, 0.96])
    by_scipy = log(8_760 / 0.75) * 3 / (2_000 * information)
    assert script.lorden_hours(2_000, 0.25, 3.0) == pytest.approx(by_scipy)


def test_its_pictures_and_pages_are_there(script: ModuleType) -> None:
    links = re.findall(r"\]\((\.[^)]+|[a-z-]+\.md)\)", script.PAGE.read_text())
    assert len(links) >= 4
    missing = [link for link in links if not (script.PAGE.parent / link).is_file()]
    assert missing == []


def test_its_defaults_are_the_specs(script: ModuleType) -> None:
    page, spec = script.PAGE.read_text(), MonitorSpec()
    told = {
        f"`drift.min_psi` ({spec.drift.min_psi:.2f})",
        f"`drift.break_psi` ({spec.drift.break_psi:.1f})",
        f"`drift.min_importance` ({spec.drift.min_importance:.2f})",
        f"`break_gain` ({spec.drift.min_gain:.2f}, {spec.drift.break_gain:.2f})",
        f"`ctr.min_drop` ({spec.ctr.min_drop:.0%})".replace("%", " %"),
        f"`ctr.max_drop` ({spec.ctr.max_drop:.0%})".replace("%", " %"),
        f"`of_hours` ({spec.trigger.alarms} of {spec.trigger.of_hours})",
        f"`trigger.clear_after` ({spec.trigger.clear_after} h)",
        f"`trigger.max_retrains_per_day` ({spec.trigger.max_retrains_per_day})",
        f"`false_alarms_per_year`** (default {spec.false_alarms_per_year:g})",
    }
    assert {words for words in told if words not in page} == set()
