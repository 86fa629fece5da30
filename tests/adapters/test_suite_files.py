"""Suites as people edit them: a broken or lost one is named and passes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import made_facts
import polars as pl
import pytest

from evergreen.adapters.quality import suites_of, validate
from evergreen.adapters.quality_files import suite_path, write_suites
from evergreen.adapters.quality_suites import default_suites
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import SuiteExists, SuiteInvalid
from evergreen.domain.quality import Severity

SPEC = ModelSpec.model_validate({"model": "shop", "description": "d", "owner": "o"})
AT = datetime(2011, 5, 3, tzinfo=UTC)
BETWEEN = "expect_column_values_to_be_between"
LOGGED = {"type": "nullity", "is_null": False}


def one(**kwargs: Any) -> str:
    """Return a suite of one critical expectation: no negative price where there are rows."""
    good = {"column": "negative_prices", "max_value": 0, "row_condition": "rows > 5"}
    known = {
        k: v for k, v in {**good, "condition_parser": "pandas", **kwargs}.items() if v is not None
    }
    return json.dumps({"expectations": [{"type": BETWEEN, "kwargs": known}]})


@pytest.mark.parametrize(
    "condition",
    [
        {"row_condition": "rows > 5"},
        {"row_condition": {**LOGGED, "column": {"name": "price_ratio"}}, "condition_parser": None},
    ],
    ids=["text", "object"],
)
def test_conditions_about_facts_that_no_hour_has(
    gx_dir: Path, tmp_path: Path, condition: dict[str, Any]
) -> None:
    path = suite_path("sparse", "orders")
    path.parent.mkdir(exist_ok=True)
    path.write_text(one(**condition))
    never = made_facts.orders().with_columns(price_ratio=None, new_items=None)
    assert validate({"orders": never}, "sparse", name="n", at=AT, docs=tmp_path) == []
    path.unlink()


def test_a_warning_whose_condition_the_values_do_not_bear_is_said(
    gx_dir: Path, tmp_path: Path
) -> None:
    path = suite_path("weak", "impressions")
    path.parent.mkdir(exist_ok=True)
    suite = json.loads(one(column="null_ids", row_condition="not score_constant"))
    never = made_facts.impressions().with_columns(score_constant=pl.lit(None, pl.Boolean))
    path.write_text(json.dumps(suite))
    with pytest.raises(SuiteInvalid, match="'not score_constant' cannot be calculated: TypeErr"):
        validate({"impressions": never}, "weak", name="n", at=AT, docs=tmp_path)
    suite["expectations"][0]["severity"] = "warning"
    path.write_text(json.dumps(suite))
    (found,) = validate({"impressions": never}, "weak", name="n", at=AT, docs=tmp_path)
    assert (found.severity, found.fact) == (Severity.WARNING, "null_ids")
    assert found.observed.startswith("not known (the expectation could not be evaluated: ")
    path.unlink()


@pytest.mark.parametrize("frame", ["impressions", "orders", "features", "training"])
def test_a_lost_suite_passes_nothing(gx_dir: Path, tmp_path: Path, frame: str) -> None:
    suites = default_suites(SPEC, None, None)
    lost = suites.pop(frame)
    own = {other: {**suite, "name": f"lost.{other}"} for other, suite in suites.items()}
    write_suites(own, "lost", force=True)
    with pytest.raises(SuiteInvalid, match=rf"lost\.{frame}\.json: there is no such suite, .*rows"):
        validate({frame: made_facts.MADE[frame]()}, "lost", name="n", at=AT, docs=tmp_path)
    assert list(tmp_path.iterdir()) == []
    empty = {frame: made_facts.MADE[frame]().clear()}  # nothing passes that is not there
    assert validate(empty, "lost", name="n", at=AT, docs=tmp_path) == []
    nothing = {**lost, "name": f"lost.{frame}", "expectations": []}  # somebody wants it so
    write_suites({frame: nothing}, "lost", force=True)
    assert validate({frame: made_facts.MADE[frame]()}, "lost", name="n", at=AT, docs=tmp_path) == []
    for path in suite_path("lost", "*").parent.glob("lost.*"):
        path.unlink()


def test_a_file_of_an_unknown_frame(gx_dir: Path) -> None:
    write_suites({"order": {"name": "typo.order", "expectations": []}}, "typo", force=True)
    with pytest.raises(SuiteInvalid, match=r"typo\.order\.json: no facts are called 'order', only"):
        suites_of("typo")
    text = r"rename it to typo\.orders\.json"
    with pytest.raises(SuiteInvalid, match=text):
        suites_of("typo")
    suite_path("typo", "order").unlink()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{", "it is not JSON"),
        ("[]", 'an object with a list "expectations"'),
        ('{"name": "other.orders", "expectations": []}', "found 'other.orders'"),
        (
            '{"expectations": [{"type": "expect_wonders", "kwargs": {}}]}',
            "its expectation 1: ExpectationNotFoundError: expect_wonders",
        ),
        (one(colum="x"), "colum"),
        (one(column="negative_price"), "'negative_price'; did you mean 'negative_prices'?"),
        (
            one(column="zzz"),
            "no fact is called 'zzz'; there are closed, contract, duplicate_rows, ",
        ),
        (one(row_condition="rowz > 5"), "UndefinedVariableError: name 'rowz' is not defined"),
        (one(row_condition="rows >"), "its row_condition 'rows >' cannot be calculated: Syntax"),
        (one(row_condition="scope > 5"), "its row_condition 'scope > 5' cannot be calculated: Typ"),
        (
            one(row_condition={**LOGGED, "column": {"name": "price"}}, condition_parser=None),
            "no fact is called 'price'",
        ),
        (one(column="scope"), "its expectation of scope cannot be evaluated: "),
    ],
    ids=[
        "no JSON",
        "no object",
        "another's",
        "an unknown type",
        "a misspelt argument",
        "a misspelt fact",
        "an unknown fact",
        "an unknown name in a condition",
        "half a condition",
        "a condition that compares text with a number",
        "an unknown fact in a condition that is an object",
        "a bound of a text",
    ],
)
def test_a_broken_suite_names_its_file_and_what_to_do(
    gx_dir: Path, tmp_path: Path, body: str, problem: str
) -> None:
    path = suite_path("broken", "orders")
    path.parent.mkdir(exist_ok=True)
    path.write_text(body)
    with pytest.raises(SuiteInvalid) as raised:
        validate({"orders": made_facts.orders()}, "broken", name="n", at=AT, docs=tmp_path)
    text = str(raised.value)
    assert str(path) in text
    assert problem in text
    assert "`evergreen validate init --model broken --force`" in text
    path.unlink()


def test_suites_belong_to_people(gx_dir: Path) -> None:
    suite = {**default_suites(SPEC, None, None)["orders"], "name": "owned.orders"}
    (path,) = write_suites({"orders": suite}, "owned", force=False)
    assert suites_of("owned") == {"orders": suite}
    edited = path.read_text().replace("critical", "warning")
    path.write_text(edited)
    with pytest.raises(SuiteExists, match=r"owned\.orders\.json would be overwritten"):
        write_suites({"orders": suite, "features": suite}, "owned", force=False)
    assert path.read_text() == edited
    assert not suite_path("owned", "features").exists()
    write_suites({"orders": suite}, "owned", force=True)
    assert suites_of("owned") == {"orders": suite}
