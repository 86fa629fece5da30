"""A night through Great Expectations: what is found, what the pages say, what is left untouched."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import made_facts
import polars as pl
import pytest

from evergreen.adapters.quality import validate
from evergreen.adapters.quality_files import write_suites
from evergreen.adapters.quality_result import expected_of
from evergreen.adapters.quality_suites import default_suites
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import PROJECT, settings
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
def night(gx_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """One run in which every fact of one hour is bad, and a suite that people wrote."""
    own = {"name": "shop.rows", "expectations": OWN}
    write_suites({**default_suites(SPEC, None, None), "rows": own}, "shop", force=True)
    frames = {name: made_facts.MADE[name](**BAD[name]) for name in BAD}
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
    good = {name: made_facts.MADE[name]() for name in BAD}
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
