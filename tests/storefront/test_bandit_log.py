"""The Open Bandit Dataset: its own names, every hour closed, landed once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from evergreen.adapters.lake import Lake
from evergreen.cli.storefront import app
from evergreen.config.model_spec import load_spec
from evergreen.config.settings import PROJECT, settings
from evergreen.domain.errors import SalesLogInvalid
from evergreen.domain.windows import Window
from evergreen.storefront.bandit_log import land_bandit_log, read_bandit_log

CSV = """,timestamp,item_id,position,click,propensity_score,user_feature_0,user-item_affinity_0
0,2019-11-24 02:10:00.979311+00:00,14,3,0,0.029411764705882353,cef3,0.0
1,2019-11-24 00:03:13.442536+00:00,7,1,1,1e-06,cef4,0.5
"""
FIRST = datetime(2019, 11, 24, tzinfo=UTC)
SPEC = load_spec(PROJECT / "include" / "models" / "open_bandit")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "random-men.csv").write_text(CSV)
    return tmp_path


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"), SPEC.columns)


def test_rows_keep_the_log_s_names(data: Path) -> None:
    rows = read_bandit_log(data, "random", "men")
    assert rows["page_view_id"].to_list() == ["random-men-1", "random-men-0"]  # by time
    assert rows["click"].to_list() == [True, False]
    assert rows.schema["user-item_affinity_0"] == pl.Float32
    assert {"timestamp", "propensity_score", "user_feature_0"} <= set(rows.columns)
    assert not {"event_time", "clicked", ""} & set(rows.columns)
    assert rows["score"].null_count() == 2


def test_every_hour_is_closed_and_read_under_canonical_names(data: Path, lake: Lake) -> None:
    report = land_bandit_log(read_bandit_log(data, "random", "men"), lake, version="random")
    assert (report.hours, report.hours_skipped) == (3, 0)
    assert (report.impressions, report.clicks) == (2, 1)
    assert report.window == Window(FIRST, FIRST + timedelta(hours=3))
    empty = lake.closing("impressions", FIRST + timedelta(hours=1))
    assert empty is not None
    assert empty.rows == 0
    found = lake.read("impressions", report.window)
    assert found["clicked"].to_list() == [True, False]
    assert found["propensity"].to_list() == pytest.approx([1e-6, 1 / 34])
    assert set(found["model_version"]) == {"random"}
    (file,) = (Path(lake.url) / "impressions" / "hour=2019-11-24T00").glob("*.parquet")
    assert {"timestamp", "click"} <= set(pl.read_parquet_schema(file))


def test_closed_hours_are_left_unless_asked(data: Path, lake: Lake) -> None:
    rows = read_bandit_log(data, "random", "men")
    land_bandit_log(rows, lake, version="random")
    again = land_bandit_log(rows, lake, version="bts")
    assert (again.hours, again.hours_skipped, again.impressions) == (0, 3, 0)
    assert set(lake.read("impressions", again.window)["model_version"]) == {"random"}
    forced = land_bandit_log(rows, lake, version="bts", again=True)
    assert (forced.hours, forced.impressions) == (3, 2)
    assert set(lake.read("impressions", again.window)["model_version"]) == {"bts"}


def test_a_shifted_week_is_another_week(data: Path, lake: Lake) -> None:
    rows = read_bandit_log(data, "random", "men")
    report = land_bandit_log(rows, lake, version="random", shift=timedelta(weeks=1))
    assert report.window.start == FIRST + timedelta(weeks=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "cannot be read"), ("a,b\n1,2\n", "has no column 'timestamp'")],
)
def test_what_is_not_that_log(data: Path, text: str | None, said: str) -> None:
    if text is not None:
        (data / "bts-women.csv").write_text(text)
    with pytest.raises(SalesLogInvalid, match=said):
        read_bandit_log(data, "bts", "women")


def test_the_command(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("EVERGREEN_LAKE_URL", raising=False)
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(PROJECT / "include" / "models"))
    settings.cache_clear()
    options = ["import-bandit", "--data", str(data), "--policy", "random"]
    first = CliRunner().invoke(app, [*options, "--json"])
    second = CliRunner().invoke(app, options)
    refused = CliRunner().invoke(app, [*options, "--campaign", "children"])
    settings.cache_clear()
    assert json.loads(first.stdout) == {
        "window": {"start": "2019-11-24T00", "end": "2019-11-24T03"},
        "hours": 3,
        "hours_skipped": 0,
        "impressions": 2,
        "clicks": 1,
    }
    assert second.stdout.startswith("0 hours from 2019-11-24T00 to 2019-11-24T03 landed (3 were")
    assert refused.exit_code == 2
