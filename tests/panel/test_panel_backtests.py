"""The panel's interface to backtests: what is listed, to whom, and what a bad file or name does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from evergreen.adapters.backtests import MAX_BYTES, MAX_LISTED, MAX_POLICIES
from made_backtests import DAYS, EVIL, leave, report

pytestmark = pytest.mark.airflow
API = "/evergreen/api/models/shop/backtests"
PAGE = "/evergreen/models/shop/backtests"
A, B = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


def test_the_list_has_the_newest_first(reader: TestClient, home: Path) -> None:
    leave(home, "shop", A, report("shop"), age_s=60)
    leave(home, "shop", B, report("shop", set=["train.half_life=7d"], seed=8))
    leave(home, "news", "cccccccccccc", report("news"))
    (home / "backtests" / "shop" / "cache").mkdir()
    body = reader.get(API).json()
    assert (body["total"], body["trained_here"]) == (2, True)
    assert [run["id"] for run in body["runs"]] == [B, A]
    assert body["runs"][0] == {
        "id": B,
        "made_at": "2023-11-14T22:13:20Z",
        "error": None,
        "data": "orders.parquet",
        "start": "2011-03-01T00",
        "end": "2011-03-15T00",
        "seed": 8,
        "settings_changed": ["train.half_life=7d"],
        "policies": ["frozen", "daily", "triggered"],
    }


def test_a_run_has_what_is_drawn_of_it(reader: TestClient, home: Path) -> None:
    leave(home, "shop", A, report("shop"))
    body = reader.get(f"{API}/{A}").json()
    assert body["id"] == A
    found = body["run"]["policies"]["triggered"]
    assert (found["ctr"], found["ctr_share_of_daily"], found["alarms"]) == (0.11, 0.916667, 1)
    assert (found["retrains"], found["promotions"], found["holds"]) == (1, 1, 1)
    assert len(found["days"]) == DAYS
    assert found["days"][0] == {"day": "2011-03-01", "impressions": 2400, "clicks": 264}
    assert [e["kind"] for e in found["events"]] == ["alarm", "retrain", "deployed", "held"]
    assert body["run"]["policies"]["daily"]["alarms"] is None


def test_without_a_backtest_the_list_is_empty(reader: TestClient, home: Path) -> None:
    body = reader.get(API).json()
    assert (body["runs"], body["total"]) == ([], 0)
    assert reader.get(PAGE).status_code == 200


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in report("shop").items() if key != name}


def _with_policy(**changes: Any) -> dict[str, Any]:
    body = report("shop")
    body["policies"]["daily"] |= changes
    return body


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"model": "shop", "polic', "Invalid JSON"),
        ("", "Invalid JSON"),
        ("[]", "the file"),
        ("[" * 100_000, "Invalid JSON"),
        (_without("policies"), "policies"),
        (report("news"), "of the model 'news'"),
        (report("shop", hours=-1), "hours"),
        (report("shop", **{"from": "2011-99-99T00"}), "from"),
        (_with_policy(ctr=float("nan")), "policies.daily.ctr"),
        (_with_policy(ctr="<b>"), "policies.daily.ctr"),
        (_with_policy(days=[{"day": "2011-02-31", "impressions": 1, "clicks": 0}]), "day"),
        (_with_policy(events=[{"hour": "2011-03-01T00", "kind": "exploded"}]), "kind"),
        (report("shop", policies={str(n): {} for n in range(MAX_POLICIES + 1)}), "policies"),
        (json.dumps(report("shop")) + " " * MAX_BYTES, "larger than 4 MiB"),
    ],
)
def test_a_broken_file_says_why_and_the_others_are_shown(
    reader: TestClient, home: Path, body: Any, why: str
) -> None:
    leave(home, "shop", A, report("shop"), age_s=60)
    leave(home, "shop", B, body)
    broken, whole = reader.get(API).json()["runs"]
    assert (broken["id"], whole["id"], whole["error"]) == (B, A, None)
    assert why in broken["error"]
    assert len(broken["error"]) < 600
    answer = reader.get(f"{API}/{B}")
    assert (answer.status_code, answer.json()["detail"]) == (422, broken["error"])


def test_what_is_no_plain_file_is_not_opened(reader: TestClient, home: Path) -> None:
    secret = leave(home, "news", "cccccccccccc", report("shop", data="secret"))
    folder = home / "backtests" / "shop"
    for run in (A, B):
        (folder / run).mkdir(parents=True)
    (folder / A / "backtest.json").symlink_to(secret)
    os.mkfifo(folder / B / "backtest.json")
    (folder / "dddddddddddd").symlink_to(secret.parent, target_is_directory=True)
    runs = {run["id"]: run["error"] for run in reader.get(API).json()["runs"]}
    assert set(runs) == {A, B}
    assert "symbolic link" in runs[A]
    assert "not a plain file" in runs[B]
    assert reader.get(f"{API}/{A}").status_code == 422
    assert reader.get(f"{API}/dddddddddddd").status_code == 404


def test_a_bounded_number_is_listed_and_an_older_one_can_be_asked_for(
    reader: TestClient, home: Path
) -> None:
    for number in range(MAX_LISTED + 3):
        leave(home, "shop", f"{number:012x}", report("shop"), age_s=number)
    body = reader.get(API).json()
    assert (len(body["runs"]), body["total"]) == (MAX_LISTED, MAX_LISTED + 3)
    assert body["runs"][-1]["id"] == f"{MAX_LISTED - 1:012x}"
    assert reader.get(f"{API}/{MAX_LISTED + 2:012x}").status_code == 200


@pytest.mark.parametrize(
    "run",
    [
        *("%2e%2e", "..%2f..%2fnews%2fcccccccccccc", "..%2fcache", "cache", A.upper(), A + "a"),
        *(f"{A}%00", f"{A}%0a", f"{A}%2f..%2f{A}", "%2fetc%2fhostname", "backtest.json", "%D9%A1"),
    ],
)
def test_a_run_s_name_cannot_leave_its_model(reader: TestClient, home: Path, run: str) -> None:
    leave(home, "shop", A, report("shop"))
    leave(home, "news", "cccccccccccc", report("news", data="secret"))
    raw = f"{API}/{run}".encode()
    answer = reader.get(httpx.URL("http://testserver").copy_with(raw_path=raw))
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_only_whoever_may_see_the_model_sees_them(
    visitor: TestClient, log_in: Callable[[str | None], TestClient], home: Path
) -> None:
    leave(home, "shop", A, report("shop"))
    for path in (API, f"{API}/{A}", PAGE):
        assert visitor.get(path).status_code == 401
        assert log_in(None).get(path).status_code == 403
        assert log_in("viewer").get(path).status_code == 200
        assert log_in("viewer").post(path).status_code == 405
        unknown = path.replace("shop", "unknown")
        assert log_in("viewer").get(unknown).status_code == 404


def test_markup_in_a_file_stays_data(reader: TestClient, home: Path) -> None:
    leave(home, "shop", A, report("shop", data=EVIL, set=[EVIL]))
    for path in (API, f"{API}/{A}"):
        answer = reader.get(path)
        assert answer.headers["content-type"] == "application/json"
        assert EVIL in json.dumps(answer.json())
    assert EVIL not in reader.get(PAGE).text


def test_a_folder_that_cannot_be_listed_is_told(reader: TestClient, home: Path) -> None:
    (home / "backtests").mkdir()
    (home / "backtests" / "shop").write_text("")
    answer = reader.get(API)
    assert (answer.status_code, answer.json()["error"]) == (503, "BacktestUnreadable")
    assert str(home) not in answer.text


def test_the_page_leads_back_to_its_model(reader: TestClient, home: Path) -> None:
    page = reader.get(PAGE).text
    assert '<a href="/evergreen/models/shop">shop</a>' in page
    assert 'data-model="shop"' in page
    assert "backtests.js" in page
