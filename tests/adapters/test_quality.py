"""A night through Great Expectations: what is found, what the pages say, what is left untouched."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import made_facts
import polars as pl
import pytest

from evergreen.adapters.quality import suites_of, validate
from evergreen.adapters.quality_files import suite_path, write_suites
from evergreen.adapters.quality_result import expected_of
from evergreen.adapters.quality_suites import default_suites
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import PROJECT, settings
from evergreen.domain.errors import SuiteExists, SuiteInvalid
from evergreen.domain.quality import Finding, Severity

SPEC = ModelSpec.model_validate({"model": "shop", "description": "d", "owner": "o"})
AT = datetime(2011, 5, 3, tzinfo=UTC)
BAD_HOUR = made_facts.HOURS[1]
EVIL = "<script>alert(1)</script>"
BAD: dict[str, dict[str, Any]] = {
    "impressions": {
        "closed": False,
        "readable": False,
        "contract": False,
        "problem": EVIL,
        "unexpected_rows": 7,
        "row_ratio": 0.1,
        "outside_hour": 1,
        "null_ids": 1,
        "duplicate_positions": 1,
        "repeated_items": 1,
        "position_gaps": 1,
        "repeated_page_views": 1,
        "clicked_unshown": 1,
        "ctr": 1.0,
        "ctr_ratio": 0.0,
        "unlabelled": 0.5,
        "propensity_outside": 1,
        "propensity_missing": 0.5,
        "inverse_propensity": 100.0,
        "unknown_versions": 1,
        "unknown_source": 1,
        "unseen_items": 0.3,
        "user_missing": 0.9,
        "top_user_page_views": 100_000,
        "score_missing": 0.5,
        "score_constant": True,
        "seconds": 1,
    },
    "orders": {
        "closed": False,
        "readable": False,
        "contract": False,
        "problem": EVIL,
        "unexpected_rows": 7,
        "row_ratio": 50.0,
        "outside_hour": 1,
        "null_ids": 1,
        "duplicate_rows": 1.0,
        "repeated_lines": 1.0,
        "negative_prices": 1,
        "missing_prices": 1,
        "quantities_below_1": 1,
        "quantity_max": 1_000_000,
        "price_ratio": 100.0,
        "new_items": 1.0,
        "new_countries": 1.0,
    },
    "features": {
        "missing_share": 1.0,
        "infinite": 1,
        "outside_excess": 0.9,
        "constant": True,
        "unknown_levels": 0.9,
        "auc": 1.0,
        "skew": 0.5,
    },
    "training": {
        "rows": 0,
        "positives": 0.99,
        "missing_share": 1.0,
        "infinite": 1,
        "constant": True,
        "auc": 1.0,
    },
}
MADE = {name: getattr(made_facts, name) for name in BAD}
BY_DAY = {"constant", "outside_excess"}  # by default, without good days to learn from
SCOPES = {
    "impressions": [BAD_HOUR],
    "orders": [BAD_HOUR],
    "features": [BAD_HOUR, "day"],
    "by day": ["day"],
    "training": ["a1b2"],
}
EXPECTATIONS = [
    pytest.param(frame, one, id=f"{frame}-{one['kwargs']['column']}-{one['severity']}")
    for frame, suite in default_suites(SPEC, None, None).items()
    for one in suite["expectations"]
]
BETWEEN = "expect_column_values_to_be_between"
OWN = [
    {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "propensity", "max_value": 1},
    },
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"max_value": 1}},
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "text", "value_set": ["a"]}},
]


@dataclass(frozen=True)
class Night:
    """A run over broken facts."""

    findings: list[Finding]
    docs: Path
    frames: dict[str, pl.DataFrame]

    def of(self, frame: str, fact: str) -> list[Finding]:
        return [f for f in self.findings if (f.suite, f.fact) == (frame, fact)]


@pytest.fixture(scope="module")
def gx_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A context whose suites are this test's own."""
    folder = tmp_path_factory.mktemp("gx") / "great_expectations"
    shutil.copytree(
        PROJECT / "great_expectations", folder, ignore=shutil.ignore_patterns("expectations")
    )
    models = tmp_path_factory.mktemp("models")
    (models / "shop").mkdir()
    (models / "shop" / "model.yaml").write_text("model: shop\ndescription: d\nowner: o\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGREEN_GX_DIR", str(folder))
        patch.setenv("EVERGREEN_MODELS_DIR", str(models))
        settings.cache_clear()
        yield folder
    settings.cache_clear()


@pytest.fixture(scope="module")
def night(gx_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """One run in which every fact of one hour is bad, and a suite that people wrote."""
    own = {"name": "shop.rows", "expectations": OWN}
    write_suites({**default_suites(SPEC, None, None), "rows": own}, "shop", force=True)
    frames = {name: MADE[name](**BAD[name]) for name in BAD}
    frames["rows"] = pl.DataFrame(
        {
            "scope": [BAD_HOUR] * 3,
            "subject": [""] * 3,
            "event_time": [AT] * 3,
            "text": [EVIL, EVIL, "a"],
        }
    )
    docs = tmp_path_factory.mktemp("docs")
    found = validate(frames, "shop", name="2011-05-02", at=AT, docs=docs)
    return Night(findings=found, docs=docs, frames=frames)


@pytest.mark.parametrize(("frame", "expectation"), EXPECTATIONS)
def test_each_expectation_catches_its_damage_and_nothing_else(
    night: Night, frame: str, expectation: dict[str, Any]
) -> None:
    fact = expectation["kwargs"]["column"]
    severity = Severity.ERROR if expectation["severity"] == "critical" else Severity.WARNING
    expected = expected_of(expectation["type"], expectation["kwargs"])
    found = [f for f in night.of(frame, fact) if (f.severity, f.expected) == (severity, expected)]
    scopes = SCOPES["by day"] if frame == "features" and fact in BY_DAY else SCOPES[frame]
    assert [f.scope for f in found] == scopes
    assert {f.subject for f in found} == ({"price"} if frame in ("features", "training") else {""})


def test_findings_read_like_sentences(night: Night) -> None:
    (rows,) = night.of("orders", "unexpected_rows")
    assert rows.text == "orders 2011-05-02T13: unexpected_rows is 7, expected at most 0"
    (ratio,) = night.of("impressions", "row_ratio")
    assert ratio.text == "impressions 2011-05-02T13: row_ratio is 0.1, expected between 0.2 and 5"
    (seconds,) = night.of("impressions", "seconds")
    assert (seconds.observed, seconds.expected) == ("1", "at least 2")
    (constant,) = night.of("features", "constant")
    assert constant.text == "features day: constant of price is true, expected false"


def test_an_hour_that_cannot_be_read_says_why(night: Night) -> None:
    (contract,) = night.of("orders", "contract")
    assert contract.observed == f"false ({EVIL})"
    assert contract.expected == "true"


def test_a_column_of_plain_rows_that_a_day_has_not_is_a_warning(night: Night) -> None:
    (absent,) = night.of("rows", "propensity")
    assert absent.severity is Severity.WARNING
    assert absent.scope == BAD_HOUR  # the only one there is
    found = "not known (the expectation could not be evaluated: The column"
    assert absent.observed.startswith(found)
    assert '"propensity"' in absent.observed
    assert absent.expected == "at most 1"


def test_an_expectation_about_a_whole_frame(night: Night) -> None:
    (count,) = night.of("rows", "table_row_count_to_be_between")
    assert (count.observed, count.severity) == ("3", Severity.ERROR)
    assert count.expected == "table row count to be between (max_value 1)"


def test_rows_of_one_scope_are_one_finding(night: Night) -> None:
    (text,) = night.of("rows", "text")
    assert text.observed == f"{EVIL} (and 1 more)"


def pages(night: Night) -> list[Path]:
    return sorted(night.docs.rglob("*.html"))


def test_the_pages_are_an_index_and_one_a_frame(night: Night) -> None:
    assert (night.docs / "index.html").is_file()
    assert len(pages(night)) == 1 + len(night.frames)
    assert sum(path.stat().st_size for path in night.docs.rglob("*") if path.is_file()) < 200_000


def test_the_pages_need_no_network_and_no_script(night: Night) -> None:
    for page in pages(night):
        text = page.read_text()
        assert re.findall(r"(?i)<script|<link|<img|<iframe|@import|url\(|//[a-z]", text) == []


def test_the_pages_links_lead_to_pages(night: Night) -> None:
    for page in pages(night):
        links = re.findall(r'href="([^"]+)"', page.read_text())
        assert links
        assert all((page.parent / link).is_file() for link in links), page


def test_values_that_look_like_html_are_escaped(night: Night) -> None:
    assert [page for page in pages(night) if EVIL in page.read_text()] == []
    index = (night.docs / "index.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in index


def test_what_fails_stands_first(night: Night) -> None:
    (page,) = night.docs.glob("validations/shop/orders/**/*.html")
    statuses = re.findall(r'<tr class="(\w+)">', page.read_text())
    assert statuses == sorted(statuses, key=["error", "unknown", "warning", "met"].index)
    assert statuses.count("error") == 12
    assert statuses.count("warning") == 4


def test_good_facts_find_nothing_and_a_repeat_writes_the_same_pages(
    night: Night, tmp_path: Path
) -> None:
    good = {name: MADE[name]() for name in BAD}
    assert validate(good, "shop", name="2011-05-02", at=AT, docs=tmp_path) == []
    first = {page: page.read_bytes() for page in tmp_path.rglob("*.html")}
    assert validate(good, "shop", name="2011-05-02", at=AT, docs=tmp_path) == []
    assert {page: page.read_bytes() for page in tmp_path.rglob("*.html")} == first
    assert "Everything is as expected." in (tmp_path / "index.html").read_text()


def test_a_model_without_suites_gets_the_defaults_and_the_repository_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = PROJECT / "great_expectations"
    before = {path: path.stat().st_mtime_ns for path in own.rglob("*")}
    (tmp_path / "models" / "fresh").mkdir(parents=True)
    (tmp_path / "models" / "fresh" / "model.yaml").write_text(
        "model: fresh\ndescription: d\nowner: o\n"
    )
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("EVERGREEN_GX_DIR", str(own))
    settings.cache_clear()
    with caplog.at_level(logging.WARNING):
        (found,) = validate(
            {"orders": made_facts.orders(negative_prices=2), "rows": made_facts.orders()},
            "fresh",
            name="2011-05-02",
            at=AT,
            docs=tmp_path / "docs",
        )
    settings.cache_clear()
    assert found.text == "orders 2011-05-02T13: negative_prices is 2, expected at most 0"
    assert "`evergreen validate init --model fresh`" in caplog.text
    assert len(list((tmp_path / "docs").rglob("*.html"))) == 2
    assert {path: path.stat().st_mtime_ns for path in own.rglob("*")} == before


def test_nothing_to_validate_is_said(gx_dir: Path, night: Night, tmp_path: Path) -> None:
    empty = {"orders": made_facts.orders().clear()}
    assert validate(empty, "shop", name="2011-05-02", at=AT, docs=tmp_path) == []
    assert "Nothing was validated" in (tmp_path / "index.html").read_text()


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
        validate({frame: MADE[frame]()}, "lost", name="n", at=AT, docs=tmp_path)
    assert list(tmp_path.iterdir()) == []
    empty = {frame: MADE[frame]().clear()}  # nothing passes that is not there
    assert validate(empty, "lost", name="n", at=AT, docs=tmp_path) == []
    nothing = {**lost, "name": f"lost.{frame}", "expectations": []}  # somebody wants it so
    write_suites({frame: nothing}, "lost", force=True)
    assert validate({frame: MADE[frame]()}, "lost", name="n", at=AT, docs=tmp_path) == []
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
