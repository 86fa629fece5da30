"""The default suites: every fact has its expectation, and good days move the bounds."""

from __future__ import annotations

from typing import Any

import made_facts
import numpy as np
import polars as pl
import pytest

from evergreen.adapters.quality_suites import default_suites
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.baseline import CtrBaseline, fit_baseline
from evergreen.domain.bins import NumericBins
from evergreen.domain.profile import ColumnProfile, ReferenceProfile
from evergreen.domain.surprise import fit_spread
from evergreen.domain.windows import parse_hour

NAMES = {"scope", "subject", "problem", "generation", "rows"}
GOOD = {
    "impressions": made_facts.impressions(),
    "orders": made_facts.orders(),
    "features": made_facts.features(),
}


def spec(**sections: Any) -> ModelSpec:
    return ModelSpec.model_validate({"model": "shop", "description": "d", "owner": "o", **sections})


def baseline() -> CtrBaseline:
    hours = [parse_hour(f"2011-05-0{day}T{hour:02}") for day in range(2, 6) for hour in range(24)]
    made = fit_baseline(hours, [40] * 96, [1_000] * 96, view_squares=(960_000.0, 38_400.0, 4_000.0))
    assert made is not None
    return made


def profile() -> ReferenceProfile:
    spread = fit_spread(np.ones((3, 3), dtype=np.int64))
    price = ColumnProfile(
        bins=NumericBins(edges=(1.0,)), counts=(5, 5, 0), importance=1.0, day=spread, hour=spread
    )
    return ReferenceProfile(model_version="1", ctr=baseline(), alarm=None, columns={"price": price})


def by_fact(suite: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["kwargs"]["column"]: one for one in suite["expectations"]}


def bounds(suite: dict[str, Any], fact: str) -> tuple[float | None, float | None]:
    kwargs = by_fact(suite)[fact]["kwargs"]
    return kwargs.get("min_value"), kwargs.get("max_value")


def test_every_fact_of_the_contract_has_an_expectation() -> None:
    with_profile, without = (
        default_suites(spec(), profile(), None),
        default_suites(spec(), None, None),
    )
    for frame, facts in {**GOOD, "training": made_facts.training()}.items():
        wanted = set(facts.columns) - NAMES
        found = set(by_fact(with_profile[frame])) | set(by_fact(without[frame]))
        assert found - {"rows"} == wanted, frame


def test_suites_stay_small_and_say_why() -> None:
    for frame, suite in default_suites(spec(), profile(), None).items():
        assert suite["name"] == f"shop.{frame}"
        assert 0 < len(suite["expectations"]) <= 30
        for one in suite["expectations"]:
            assert one["meta"]["why"].endswith(".")
            assert one["severity"] in ("critical", "warning")


def test_what_may_be_real_life_is_a_warning() -> None:
    suites = default_suites(spec(), profile(), None)
    warnings = {
        (frame, one["kwargs"]["column"])
        for frame, suite in suites.items()
        for one in suite["expectations"]
        if one["severity"] == "warning"
    }
    assert warnings == {
        ("impressions", "row_ratio"),
        ("impressions", "ctr_ratio"),
        ("impressions", "inverse_propensity"),
        ("impressions", "user_missing"),
        ("impressions", "top_user_page_views"),
        ("orders", "row_ratio"),
        ("orders", "quantity_max"),
        ("orders", "new_items"),
        ("orders", "new_countries"),
    }


def test_the_specs_hours_and_drop_are_honoured() -> None:
    suites = default_suites(spec(validate={"min_hours": 18, "max_row_drop": 0.5}), None, None)
    for frame in ("impressions", "orders"):
        assert by_fact(suites[frame])["closed"]["kwargs"]["mostly"] == 0.75
        assert bounds(suites[frame], "row_ratio") == (0.5, 2.0)
    whole = default_suites(spec(), None, None)["orders"]
    assert "mostly" not in by_fact(whole)["closed"]["kwargs"]
    assert bounds(whole, "row_ratio") == (0.2, 5.0)


def test_a_drop_of_everything_leaves_the_ratio_open() -> None:
    suite = default_suites(spec(validate={"max_row_drop": 1.0}), None, None)["orders"]
    assert bounds(suite, "row_ratio") == (0.0, None)


def test_the_profile_decides_how_missing_values_and_clicks_are_judged() -> None:
    known, unknown = default_suites(spec(), profile(), None), default_suites(spec(), None, None)
    assert "missing_excess" in by_fact(known["features"])
    assert "missing_share" not in by_fact(known["features"])
    assert "missing_share" in by_fact(unknown["training"])
    assert bounds(known["impressions"], "ctr_ratio") == (0.02, 10)
    assert "ctr_ratio" not in by_fact(unknown["impressions"])


def test_few_clicks_are_an_error_of_the_day_and_a_warning_of_an_hour() -> None:
    """Else the hours of a stale champion were left out of the CTR that is to show its decline."""
    suite = default_suites(spec(), profile(), None)["impressions"]
    said = {
        (one["kwargs"]["row_condition"], one["severity"]): (
            one["kwargs"].get("min_value"),
            one["kwargs"].get("max_value"),
        )
        for one in suite["expectations"]
        if one["kwargs"]["column"] == "ctr_ratio"
    }
    assert said == {
        ('scope != "day"', "warning"): (0.02, None),
        ('scope != "day"', "critical"): (None, 10),
        ('scope == "day"', "critical"): (0.02, 10),
    }


def test_a_model_that_is_trained_elsewhere_has_no_training_suite() -> None:
    assert "training" not in default_suites(spec(train={"enabled": False}), None, None)


def test_a_model_whose_output_is_no_score_is_not_asked_for_scores() -> None:
    outputs = spec(monitor={"drift": {"outputs": ["item_id"]}})
    facts = by_fact(default_suites(outputs, None, None)["impressions"])
    assert not {"score_missing", "score_constant"} & set(facts)


def test_good_days_move_the_bounds() -> None:
    suites = default_suites(spec(), profile(), GOOD)
    tops = [
        one["kwargs"]["max_value"]
        for one in suites["impressions"]["expectations"]
        if one["kwargs"]["column"] == "top_user_page_views"
    ]
    assert tops == [120.0, 400.0]  # 3 and 10 times the 40 that were seen
    assert bounds(suites["impressions"], "user_missing") == (None, 0.3)  # 1.2 times 0.25
    assert bounds(suites["orders"], "quantity_max") == (None, 1_440.0)
    assert bounds(suites["orders"], "duplicate_rows") == (None, 0.45)  # only ever wider
    assert bounds(suites["impressions"], "inverse_propensity") == (0.2, 5)


def test_days_that_are_steadier_than_hours_have_bounds_of_their_own() -> None:
    hours = pl.col("scope") == "2011-05-02T13"
    facts = GOOD["impressions"].with_columns(
        user_missing=pl.when(hours).then(0.5).otherwise(0.2),
        row_ratio=pl.when(hours).then(9.0).otherwise(1.0),
    )
    suite = default_suites(spec(), profile(), {"impressions": facts})["impressions"]
    said = {
        (each["kwargs"]["column"], each["kwargs"]["row_condition"]): each["kwargs"]["max_value"]
        for each in suite["expectations"]
        if each["kwargs"]["column"] in ("user_missing", "row_ratio")
    }
    many = "(rows >= 500 or rows >= 500 * row_ratio)"
    assert said == {
        ("user_missing", 'rows >= 500 and scope == "day"'): 0.24,
        ("user_missing", 'rows >= 500 and scope != "day"'): 0.6,
        ("row_ratio", 'scope == "day"'): 5.0,  # the spec's: a day of a tenth is never learnt
        ("row_ratio", f'scope != "day" and {many}'): 18.0,
    }


def test_rows_that_a_rule_is_not_about_teach_it_nothing() -> None:
    thin = pl.col("scope") == "2011-05-02T13"
    facts = GOOD["impressions"].with_columns(
        user_missing=pl.when(thin).then(1.0).otherwise("user_missing"),
        rows=pl.when(thin).then(499).otherwise("rows"),
    )
    suite = default_suites(spec(), profile(), {"impressions": facts})["impressions"]
    assert bounds(suite, "user_missing") == (None, 0.3)


def test_a_learnt_share_is_capped() -> None:
    facts = {**GOOD, "orders": made_facts.orders(duplicate_rows=0.99)}
    assert bounds(default_suites(spec(), None, facts)["orders"], "duplicate_rows") == (None, 0.9)


def test_what_a_log_never_has_is_left_out() -> None:
    never = GOOD["impressions"].with_columns(
        pl.lit(None, dtype=pl.Float64).alias("propensity_missing"),
        pl.lit(None, dtype=pl.Float64).alias("unseen_items"),
        pl.lit(3).alias("position_gaps"),
    )
    facts = by_fact(default_suites(spec(), None, {"impressions": never})["impressions"])
    assert "propensity_missing" not in facts
    assert "position_gaps" not in facts  # no page view is a list
    assert "unseen_items" in facts  # only nothing to compare with


def test_a_table_without_reference_rows_has_no_suite() -> None:
    few = {"impressions": GOOD["impressions"], "features": GOOD["features"].clear()}
    suites = default_suites(spec(), None, few)
    assert sorted(suites) == ["features", "impressions", "training"]
    assert suites["features"] == default_suites(spec(), None, None)["features"]


@pytest.mark.parametrize(
    ("scopes", "where"),
    [
        ((), None),
        (("2011-05-02T13",), '(scope == "day" or subject not in ["price"])'),
        (("2011-05-02T13", "day"), 'subject not in ["price"]'),
    ],
    ids=["no scope", "an hour", "an hour and the day"],
)
def test_a_feature_that_breaks_a_rule_on_good_days_is_left_out(
    scopes: tuple[str, ...], where: str | None
) -> None:
    constant = pl.col("subject").eq("price") & pl.col("scope").is_in(scopes)
    facts = {**GOOD, "features": GOOD["features"].with_columns(constant.alias("constant"))}
    features = by_fact(default_suites(spec(), profile(), facts)["features"])
    assert features["constant"]["kwargs"].get("row_condition") == where
    assert "row_condition" not in features["infinite"]["kwargs"]


def test_without_good_days_features_of_the_clock_are_judged_by_the_day() -> None:
    features = by_fact(default_suites(spec(), profile(), None)["features"])
    assert features["constant"]["kwargs"]["row_condition"] == 'scope == "day"'
    assert "row_condition" not in features["auc"]["kwargs"]
