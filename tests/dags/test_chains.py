"""The DAGs' chains through `dag.test()`, over a real lake, a real ledger and real steps.

One shop is played once; the tests come in the order of its life.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from dag_files import dags

from evergreen.adapters.installation import open_lake, open_ledger, open_published, spec_of
from evergreen.config.settings import PROJECT, settings
from evergreen.domain.windows import Window
from evergreen.storefront import shop
from evergreen.storefront.log_store import import_log, load_orders
from evergreen.storefront.play import play
from evergreen.trainer.freeze import freeze_window
from evergreen.trainer.manifest import RunDir

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

MODEL = "also_bought"
PLAYED = Window(shop.START, shop.START + timedelta(days=28))
LIVE = datetime(2025, 2, 3, 11, tzinfo=UTC)  # the first trading day after the played window
QUICK = {"window": "14d", "lookback": "14d", "validation": "2d", "rounds": 20}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, airflow_db: Path) -> Iterator[Path]:
    """Return the home of a shop with four weeks of events and no champion yet."""
    home = tmp_path_factory.mktemp("shop")
    folder = home / "models" / MODEL
    shutil.copytree(
        PROJECT / "include" / "models" / MODEL,
        folder,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    spec = yaml.safe_load((folder / "model.yaml").read_text())
    spec["train"] = {**spec["train"], **QUICK, "params": {"max_depth": 4, "min_child_weight": 50}}
    spec["gate"] = {**spec["gate"], "holdout": "3d", "min_page_views": 50}
    (folder / "model.yaml").write_text(yaml.safe_dump(spec))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVERGREEN_HOME", str(home))
        patch.setenv("EVERGREEN_MODELS_DIR", str(home / "models"))
        settings.cache_clear()
        import_log(None, home=home)
        play_window(PLAYED)
        yield home
    settings.cache_clear()


def play_window(window: Window) -> None:
    """Land the events of these hours."""
    spec = spec_of(MODEL)
    play(
        load_orders(settings().home),
        window,
        lake=open_lake(spec),
        published=open_published(spec),
        features=spec.features.names,
    )


def run(kind: str, moment: datetime, **conf: Any) -> tuple[str, dict[str, str]]:
    """Run one DAG in this process; return its state and its tasks' states."""
    dag = dags()[f"{MODEL}__{kind}"]
    # Airflow 3.3.2's `dag.test()` fails at the end of a DAG with a deadline: it looks the alert up
    # by what should be its id. test_approval_live has a real scheduler do it.
    dag.deadline = None
    found = dag.test(logical_date=moment, run_conf=conf)
    states = {ti.task_id: str(ti.state) for ti in found.get_task_instances()}
    return str(found.state), states


def test_first_retraining_publishes_a_champion(played: Path) -> None:
    state, tasks = run("retrain", datetime(2025, 2, 2, 12, tzinfo=UTC), reason="first")
    assert state == "success"
    assert {task for task, said in tasks.items() if said != "success"} == {"hold", "ask_operator"}
    ledger, published = open_ledger(), open_published(spec_of(MODEL))
    champion, current = ledger.champion(MODEL), published.current()
    assert (champion.version, champion.fence, champion.kind) == (1, 1, "promotion")
    assert champion.evidence["requested"] == "first"
    assert (current.version, current.fence) == (1, 1)
    assert [d.severity for d in ledger.deliveries(MODEL)] == ["info"]
    (row,) = ledger.runs(MODEL)
    assert (row.verdict, row.version) == ("PROMOTE", 1)


def test_the_same_window_again_changes_nothing(played: Path) -> None:
    before = open_published(spec_of(MODEL)).current()
    state, tasks = run("retrain", datetime(2025, 2, 2, 13, tzinfo=UTC))
    assert state == "success"
    assert {task for task, said in tasks.items() if said == "skipped"} == {
        *("ask_operator", "promote", "publish", "smoke_test", "close_incident")
    }
    ledger = open_ledger()
    assert len(ledger.releases(MODEL)) == len(ledger.runs(MODEL)) == 1
    assert open_published(spec_of(MODEL)).current() == before


def test_a_live_hour_is_decided_and_a_replay_leaves_no_trace(played: Path) -> None:
    play_window(Window(PLAYED.end, LIVE + timedelta(hours=1)))
    ledger, end = open_ledger(), LIVE + timedelta(hours=1)
    told = len(ledger.deliveries(MODEL))

    state, tasks = run("monitor_hourly", end, replay=True)
    assert state == "success"
    assert tasks["request_retrain"] == tasks["request_rollback"] == "skipped"
    assert ledger.decision(MODEL, LIVE) is None
    assert ledger.decision(MODEL, LIVE, replay=True) is not None
    measured = ledger.measurements(MODEL, Window.of_hour(LIVE))
    assert {row.sensor for row in measured} >= {"ctr", "drift"}
    assert len(ledger.deliveries(MODEL)) == told

    state, tasks = run("monitor_hourly", end + timedelta(minutes=30))  # the same hour, live
    assert state == "success"
    action = ledger.decision(MODEL, LIVE).action
    branches = ("healthy", "warn", "request_retrain", "request_rollback")
    assert [task for task in branches if tasks[task] == "success"] == [action]


def test_a_missing_hour_fails_a_replay_at_once(played: Path) -> None:
    state, tasks = run("monitor_hourly", datetime(2025, 6, 2, 12, tzinfo=UTC), replay=True)
    assert state == "failed"
    assert tasks["wait_for_hour"] == "failed"
    assert tasks["sketch_hour"] == "upstream_failed"


def test_a_broken_hour_is_put_aside_and_a_whole_day_passes(played: Path) -> None:
    broken = datetime(2025, 1, 30, 11, tzinfo=UTC)
    (file,) = (played / "lake" / MODEL / "orders").glob("hour=2025-01-30T11/*.parquet")
    file.write_bytes(b"broken")
    state, tasks = run("validate_nightly", datetime(2025, 1, 31, 2, tzinfo=UTC))
    assert state == "success"
    assert {task for task, said in tasks.items() if said != "success"} == {"passed"}
    ledger, day = open_ledger(), Window(broken.replace(hour=0), broken.replace(hour=23))
    assert ledger.quarantined(MODEL, "orders", day) == {broken}
    (record,) = ledger.quarantine_records(MODEL)
    assert "FileCorrupt" in record.reasons[0]
    text = ledger.deliveries(MODEL)[-1].text
    assert text.startswith(f"{MODEL}: 2025-01-30 failed its validation: orders 2025-01-30T11: ")
    assert text.endswith(f"/evergreen/data-docs/{MODEL}/2025-01-30/index.html")
    state, tasks = run("validate_nightly", shop.START + timedelta(days=2, hours=2))
    assert state == "success"
    assert {task for task, said in tasks.items() if said == "success"} == {
        *("wait_for_day", "validate_day", "passed")
    }


def test_an_hour_in_quarantine_is_left_out_of_the_next_window(played: Path) -> None:
    lake, ledger, spec = open_lake(spec_of(MODEL)), open_ledger(), spec_of(MODEL)
    frozen = freeze_window(
        spec, lake=lake, ledger=ledger, settings=settings(), until=datetime(2025, 2, 2, tzinfo=UTC)
    )
    assert frozen["quarantined_hours"] == ["2025-01-30T11"]
    paths = [file["path"] for file in RunDir(frozen["run_dir"]).manifest()["files"]]
    assert not [path for path in paths if path.startswith("hour=2025-01-30T11/")]
    assert [path for path in paths if path.startswith("hour=2025-01-30T12/")]


def test_a_broken_window_is_not_trained_on(played: Path) -> None:
    """An hour that was written over in place, after it had passed its validation."""
    (file,) = (played / "lake" / MODEL / "orders").glob("hour=2025-01-31T11/*.parquet")
    file.write_bytes(b"broken")
    state, tasks = run("retrain", datetime(2025, 2, 2, 14, tzinfo=UTC))
    assert state == "failed"
    assert tasks["validate_window"] == "failed"
    assert tasks["build_dataset"] == "upstream_failed"
    assert len(open_ledger().releases(MODEL)) == 1


def test_rolling_back_to_the_champion_is_refused(played: Path) -> None:
    state, tasks = run("rollback", datetime(2025, 2, 2, 15, tzinfo=UTC), version=1, reason="worse")
    assert (state, tasks["roll_back"]) == ("failed", "failed")
    assert len(open_ledger().releases(MODEL)) == 1


def test_a_rollback_puts_the_older_version_back_in_force(played: Path) -> None:
    ledger, published = open_ledger(), open_published(spec_of(MODEL))
    first = ledger.champion(MODEL)
    published.write(2, published.recommendations(1), published.popular(1), as_of=first.as_of)
    again = {"kind": "promotion", "run_key": "by hand", "as_of": first.as_of, "evidence": {}}
    ledger.release(MODEL, 2, expected=1, reason="a bad idea", **again)
    published.flip(2, 2)
    state, _ = run("rollback", datetime(2025, 2, 2, 16, tzinfo=UTC), version=1, reason="worse")
    assert state == "success"
    current = published.current()
    assert (current.version, current.fence) == (1, 3)
    champion = ledger.champion(MODEL)
    assert (champion.version, champion.kind, champion.reason) == (1, "rollback", "worse")
    texts = [delivery.text for delivery in ledger.deliveries(MODEL)]
    assert texts[-1] == f"{MODEL}: rolled back to version 1: worse"
