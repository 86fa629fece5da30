"""The benchmark scores methods as it says, and its own CUSUM keeps the rate it is tuned to."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import decisions_ctr_peers
import decisions_scores
import numpy as np
import pytest
from decisions_ctr_peers import Baseline, Oracle, cusum, fixed_cut, level_of
from decisions_paths import Size, drop_batches, drop_key
from decisions_report import Results, rows_rates, to_json, write_report
from decisions_scores import Batch, Delay, FalseAlarms
from decisions_table import table
from streams import Traffic, World

TINY = Size(years=1, paths=2, worlds=1, row_days=0, row_hours=0)


@pytest.mark.parametrize("module", [decisions_scores, decisions_ctr_peers])
def test_examples_of_the_docstrings_hold(module) -> None:
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0


def test_no_alarm_in_ten_years_still_allows_a_rate() -> None:
    """3.689 = -ln 0.025, the exact bound for a count of 0."""
    low, high = FalseAlarms(count=0, years=10.0).interval
    assert (low, high) == (0.0, pytest.approx(0.3689, abs=1e-4))


def test_a_delay_without_any_path_left_is_unknown_and_half_found_is_a_median() -> None:
    assert np.isnan(Delay(discarded=3, hours=()).median)
    assert np.isnan(Delay(discarded=4, hours=(1.0,)).median)
    assert Delay(discarded=3, hours=(1.0,)).median == 1.0
    assert Delay(discarded=0, hours=(2.0, 5.0, float("inf"))).median == 5.0
    assert Delay(discarded=0, hours=(2.0, float("inf"), float("inf"))).median == float("inf")


def test_the_learned_baseline_finds_cycle_and_dispersion() -> None:
    world = World(Traffic(an_hour=100_000), seed=1)
    learned = Baseline.learned(world.reference)
    assert learned.rates == pytest.approx(world.traffic.rates(), rel=0.06)
    assert learned.phi == pytest.approx(3.0, rel=0.2)
    assert Baseline.constant(world.reference).phi == 1.0


def test_a_level_keeps_its_rate_on_other_years() -> None:
    """Twelve alarms a year asked for, and 20 years of the same law to count them in."""
    oracle = Oracle(World(Traffic(), seed=1), years=30)
    level = oracle.level(0.25, a_year=12.0)
    other = World(Traffic(), seed=2)
    years = [other.stream(52 * 168, seed=i, features=False) for i in range(20)]
    batch = Batch(reference=other.reference, streams=tuple(years))
    count = sum(map(len, oracle.alarms(batch, 0.25, level)))
    assert 9.0 < count / 20 <= 14.0


def test_a_higher_level_alarms_later() -> None:
    evidence = np.full(50, 0.5)
    assert cusum(evidence, 5.0)[0] == 9
    assert cusum(evidence, 10.0)[0] == 19


def test_a_level_is_the_grids_lowest_that_keeps_the_rate() -> None:
    """One jump of 7 in a year: any level up to 7 alarms once, so at none a year it is 7.25."""
    evidence = np.full((8_760, 1), -1.0)
    evidence[100] = 7.0
    assert level_of(evidence, a_year=1.0) == 2.0
    assert level_of(evidence, a_year=0.5) == 7.25


def test_closed_hours_are_not_below_a_fixed_cut() -> None:
    world = World(Traffic(an_hour=100_000, closed_nights=True, phi=1.0), seed=1)
    night = world.stream(6, seed=1, features=False)
    assert fixed_cut(Batch(reference=world.reference, streams=(night,))) == [[]]


def test_a_drop_begins_after_one_to_fourteen_days() -> None:
    batches = drop_batches(TINY)[drop_key(0.25, 3.0)]
    for at, stream in zip(batches[0].at, batches[0].streams, strict=True):
        assert 24 <= at <= 14 * 24
        assert stream.hours == at + 30 * 24


def made_results() -> Results:
    results = Results(a_year=1.0)
    results.add_healthy("ours, CTR", "2000", [[5], []])
    results.add_healthy("ours, drift", "2000", [[5, 6, 900], []])  # 6 is within 24 h of 5
    results.add_healthy("a peer", "2000", [[1]])
    results.add_drops("ours, CTR", drop_key(0.25, 3.0), [[12], [3]], [10, 10])
    results.add_delay("ours, drift", "gone", Delay(discarded=0, hours=(1.0,)))
    results.add_rows(
        "Rows", {"healthy 200": {"24 h": [0, 2, 15]}, "gone": {"24 h": [1]}}, {"24 h": 24}
    )
    return results


def test_the_report_adds_both_sensors_and_keeps_other_parts(tmp_path: Path) -> None:
    path = tmp_path / "bench" / "report.json"
    path.parent.mkdir()
    path.write_text('{"loop": 1}')
    write_report(path, to_json(made_results(), simulated={"paths": 2}))
    report = json.loads(path.read_text())
    ours = report["decisions"]
    assert report["loop"] == 1
    assert ours["false_alarms_per_year"] == 1.5  # 3 in 2 years
    assert ours["by_impressions"]["2000"]["ctr_count"] == 1
    assert ours["delay_hours_25"] == 3.0
    assert ours["delay_x_lorden_25"] == pytest.approx(3.0 / 9.7, abs=0.05)
    assert ours["delays"]["phi_3"]["25"]["discarded"] == 1
    assert ours["delays"]["gone"]["median_hours"] == 1.0
    assert ours["peers"]["a peer"]["false_alarms_per_year"] == 1.0


def test_rows_are_judged_by_two_rules() -> None:
    rates = rows_rates(made_results().rows["Rows"])
    assert rates["200, 24 h, any column"]["judgements_that_alarm"] == 2
    assert rates["200, 24 h, half the columns"]["count"] == 1
    assert rates["200, 24 h, half the columns"]["years"] == pytest.approx(72 / 8_760, abs=1e-4)


def test_the_table_names_every_method() -> None:
    text = table(made_results(), TINY)
    assert all(name in text for name in ("ours, both", "a peer", "Rows", "Lorden's bound"))
    assert "3 x0.3 (100%, 1 bef.)" in text
