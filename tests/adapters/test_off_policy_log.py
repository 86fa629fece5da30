"""Off-policy estimates over a lake: whose value is known, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from evergreen.adapters.lake import Lake
from evergreen.adapters.off_policy_log import SAMPLE_SEED, _probability, evaluate_over
from evergreen.adapters.policies import read_policy
from evergreen.config.model_spec import load_spec
from evergreen.config.settings import PROJECT
from evergreen.domain.errors import PolicyInvalid, PropensitiesMissing, WindowEmpty
from evergreen.domain.windows import Window

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
        "item_id,probability\na,0.7\nb,0.7\n",
    ],
)
def test_a_policy_that_says_nothing_usable(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"policy\.csv"):
        read_policy(policy_file(tmp_path, text))


def test_a_context_without_rows_of_its_own_is_any_other() -> None:
    """The page of `x` shows b; every other page, also one without a context, shows a."""
    policy = pl.DataFrame(
        {
            "context_item_id": ["x", None],
            "item_id": ["b", "a"],
            "position": pl.Series([1, 1], dtype=pl.Int8),
            "probability": [1.0, 1.0],
        }
    )
    rows = pl.DataFrame(
        {
            "item_id": ["a", "b", "a", "b", "a"],
            "position": pl.Series([1] * 5, dtype=pl.Int8),
            "context_item_id": ["x", "x", "y", "y", None],
        }
    )
    assert _probability(rows, policy).to_list() == [0.0, 1.0, 1.0, 0.0, 1.0]
    without = rows.drop("context_item_id")
    assert _probability(without, policy).to_list() == [1.0, 0.0, 1.0, 0.0, 1.0]


def test_two_policies_are_compared_on_the_same_rows(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, propensity=[0.5] * 4)
    of_a, of_b = (
        read_policy(policy_file(tmp_path, f"item_id,position,probability\n{item},1,1\n"))
        for item in "ab"
    )
    said = evaluate_over(SPEC, DAY, of_a, against=of_b, lake=lake, **ASKED)
    assert (said.snips.value, said.compared.value, said.gain.value) == (0.5, 0.5, 0.0)
    assert said.logged.value == 0.5
    # a: clicked, not; b: not, clicked. Residuals (w r - 0.5 w)/4 of a minus those of b.
    assert said.gain.standard_error == pytest.approx((4 / 3 * 4 * 0.25**2) ** 0.5)


def test_the_doubly_robust_model_is_the_rate_of_item_and_position(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, propensity=[0.5] * 4)
    policy = read_policy(policy_file(tmp_path, "item_id,probability\na,1\n"))
    said = evaluate_over(SPEC, DAY, policy, lake=lake, **ASKED)
    assert said.doubly_robust is not None
    # with rates shrunk by 100 impressions the model is nearly each half's overall rate
    clusters = pl.Series([f"page {n}" for n in "1234"]).hash(SAMPLE_SEED) % 2
    clicked, a = [1, 0, 0, 1], [1, 0, 1, 0]
    total = 0.0
    for i in range(4):
        other = [j for j in range(4) if clusters[j] != clusters[i]]
        overall = sum(clicked[j] for j in other) / max(len(other), 1)

        def rate(item: int, other: list[int] = other, overall: float = overall) -> float:
            own = [j for j in other if a[j] == item]
            return (sum(clicked[j] for j in own) + 100 * overall) / (len(own) + 100)

        total += rate(1) + 2 * a[i] * (clicked[i] - rate(a[i]))
    assert said.doubly_robust.value == pytest.approx(total / 4)


def test_a_large_log_is_sampled_by_whole_page_views(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "event_time": [HOUR] * 4_000,
            "page_view_id": [str(n // 4) for n in range(4_000)],
            "item_id": ["a", "b", "c", "d"] * 1_000,
            "position": pl.Series([1, 2, 3, 4] * 1_000, dtype=pl.Int8),
            "score": pl.Series([0.5] * 4_000, dtype=pl.Float32),
            "model_version": ["1"] * 4_000,
            "clicked": [True, False, False, False] * 1_000,
            "source": ["model"] * 4_000,
            "propensity": pl.Series([0.25] * 4_000, dtype=pl.Float32),
        }
    ).with_columns(pl.col("event_time").cast(pl.Datetime("us", "UTC")))
    lake = Lake(str(tmp_path / "lake"))
    lake.land_hour("impressions", HOUR, frame)
    said = evaluate_over(SPEC, DAY, None, lake=lake, max_impressions=1_000)
    assert said.rows == 4 * said.clusters
    assert 800 < said.rows < 1_200
    assert said.logged.value == 0.25


def test_users_are_the_clusters_where_they_are_known(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, propensity=[0.5] * 4)
    rows = lake.read("impressions", DAY).with_columns(
        user_id=pl.Series(["u", "u", None, None], dtype=pl.String)
    )
    lake.land_hour("impressions", HOUR, rows)
    assert evaluate_over(SPEC, DAY, None, lake=lake, **ASKED).clusters == 3
