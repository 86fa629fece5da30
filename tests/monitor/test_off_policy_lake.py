"""Off-policy estimates over a lake: whose value is known, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import load_spec
from evergreen.config.settings import PROJECT
from evergreen.domain.errors import PolicyInvalid, PropensitiesMissing, WindowEmpty
from evergreen.domain.windows import Window
from evergreen.monitor.off_policy import evaluate_over, read_policy

SPEC = load_spec(PROJECT / "include" / "models" / "also_bought")
HOUR = datetime(2011, 5, 2, 13, tzinfo=UTC)
DAY = Window(HOUR, HOUR + timedelta(hours=2))
ASKED = {"clip": None, "min_effective_sample": 2.0}


def lake_of(folder: Path, *, propensity: list[float | None] | None) -> Lake:
    """Four page views of one item each: a, b, a, b; the first and the last are clicked."""
    frame = pl.DataFrame(
        {
            "event_time": [HOUR] * 4,
            "page_view_id": list("1234"),
            "item_id": list("abab"),
            "position": pl.Series([1] * 4, dtype=pl.Int8),
            "score": pl.Series([0.5] * 4, dtype=pl.Float32),
            "model_version": ["1"] * 4,
            "clicked": [True, False, False, True],
            "source": ["model"] * 4,
        }
    ).with_columns(pl.col("event_time").cast(pl.Datetime("us", "UTC")))
    if propensity is not None:
        frame = frame.with_columns(pl.Series("propensity", propensity, dtype=pl.Float32))
    lake = Lake(str(folder / "lake"))
    lake.land_hour("impressions", HOUR, frame)
    return lake


def policy_file(folder: Path, text: str) -> Path:
    path = folder / "policy.csv"
    path.write_text(text)
    return path


def test_a_policy_s_value_by_hand(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, propensity=[0.5, 0.25, 0.5, 0.25])
    policy = read_policy(policy_file(tmp_path, "item_id,probability\na,0.25\nb,0.5\n"))
    said = evaluate_over(SPEC, DAY, policy, lake=lake, clip=10, min_effective_sample=2)
    assert (said.ips.value, said.snips.value, said.clusters) == (0.625, 0.5, 4)


def test_an_item_that_the_policy_does_not_name_is_never_shown(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, propensity=[0.5] * 4)
    policy = read_policy(policy_file(tmp_path, "item_id,position,probability\na,1,1\n"))
    said = evaluate_over(SPEC, DAY, policy, lake=lake, **ASKED)
    assert (said.snips.value, said.effective_sample) == (0.5, 2.0)


def test_the_log_s_own_value_is_its_ctr(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, propensity=[0.1, 0.2, 0.3, 0.4])
    said = evaluate_over(SPEC, DAY, None, lake=lake, **ASKED)
    assert said.ips.value == said.snips.value == said.logged.value == 0.5


@pytest.mark.parametrize("propensity", [None, [None] * 4, [0.5, 0.0, 0.5, 0.5]])
def test_without_propensities_it_is_refused(
    tmp_path: Path, propensity: list[float | None] | None
) -> None:
    lake = lake_of(tmp_path, propensity=propensity)
    with pytest.raises(PropensitiesMissing, match="also_bought logs no propensity: how likely"):
        evaluate_over(SPEC, DAY, None, lake=lake, **ASKED)


def test_an_empty_window_is_refused(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, propensity=[0.5] * 4)
    with pytest.raises(WindowEmpty, match="no labelled impression"):
        evaluate_over(SPEC, Window(DAY.end, DAY.end + DAY.length), None, lake=lake, **ASKED)


@pytest.mark.parametrize(
    "text",
    [
        "item_id\na\n",
        "probability\n0.5\n",
        "item_id,probability\na,1.5\n",
        "item_id,probability\na,0.5\na,0.5\n",
        "item_id,probability\na,\n",
    ],
)
def test_a_policy_that_says_nothing_usable(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"policy\.csv"):
        read_policy(policy_file(tmp_path, text))
