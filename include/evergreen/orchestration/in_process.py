"""The DAGs' chains in this process, without Airflow: for laptops, the demo and benchmarks.

The tasks of the DAGs call the same functions in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from evergreen.adapters.installation import (
    open_data_docs,
    open_lake,
    open_ledger,
    open_published,
    open_registry,
)
from evergreen.adapters.reports import PAGE, report_folder
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import settings
from evergreen.domain.approval import ApprovalRecord, next_task
from evergreen.domain.windows import Window
from evergreen.orchestration.smoking import smoke_or_restore


def retrain(
    spec: ModelSpec,
    *,
    until: datetime | None = None,
    window: timedelta | None = None,
    force: bool = False,
    reason: str = "",
    approved_by: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Freeze, validate, build, train, evaluate, judge, and put a winner in force.

    Parameters:
        approved_by: who says yes where `deploy.approval` wants a person; None holds there.

    Returns:
        The gate's verdict, and `released` with version and fence when it was promoted.

    Raises:
        EvergreenError: whatever a step refuses; run again, it goes on where it stopped.
    """
    from evergreen.monitor.measure import champion_profile
    from evergreen.release.approval import keep_answer
    from evergreen.release.promote import follow, promote
    from evergreen.trainer.dataset import build_dataset
    from evergreen.trainer.dataset_quality import validate_dataset
    from evergreen.trainer.digest import trained_digest
    from evergreen.trainer.evaluate import evaluate
    from evergreen.trainer.fit import train
    from evergreen.trainer.freeze import freeze_window
    from evergreen.trainer.gate_run import gate
    from evergreen.trainer.publish import publish
    from evergreen.trainer.report import write_report
    from evergreen.trainer.validate import validate_window

    ledger, published, registry = open_ledger(), open_published(spec), open_registry()
    docs = open_data_docs(spec)
    frozen = freeze_window(
        spec,
        lake=open_lake(spec),
        ledger=ledger,
        settings=settings(),
        until=until,
        window=window,
        force=force,
        reason=reason,
    )
    run_dir = frozen["run_dir"]
    say(f"run {frozen['run_key']}: {frozen['rows']:,} order lines")
    validate_window(run_dir, ledger=ledger, docs=docs)
    build_dataset(run_dir, settings())
    validate_dataset(run_dir, profile=champion_profile(spec.model, ledger), docs=docs)
    for variant in spec.train.variants:
        train(run_dir, variant, registry=registry)
    champion = ledger.champion(spec.model)
    expected = champion.version if champion else None
    evaluate(run_dir, expected, published=published, registry=registry)
    verdict = gate(run_dir, champion_version=expected, ledger=ledger)
    say(f"{verdict['verdict']}: {'; '.join(verdict['reasons'])}")
    write_report(run_dir, verdict, registry=registry)
    say(f"report: {run_dir}/{report_folder(expected)}/{PAGE}")
    branch = next_task(verdict["verdict"], spec.deploy.approval)
    approval = None
    if branch == "ask_operator" and approved_by:
        now = datetime.now(UTC).isoformat()
        approval = ApprovalRecord(answer="promote", by=approved_by, at=now)
        keep_answer(ledger, verdict["run_key"], approval)
        say(approval.in_words())
    elif branch == "ask_operator":
        say(f"a person must approve this (deploy.approval: {spec.deploy.approval}): held")
    if branch == "hold" or (branch == "ask_operator" and approval is None):
        return {**verdict, "released": None}
    said = {"approval": approval.body()} if approval else {}
    release = promote(
        spec,
        version=verdict["version"],
        expected=expected,
        run_key=verdict["run_key"],
        as_of=datetime.fromisoformat(verdict["as_of"]),
        reason="; ".join([*verdict["reasons"], *([approval.in_words()] if approval else [])]),
        evidence={
            **verdict["evidence"],
            **said,
            "model_sha256": trained_digest(run_dir),
            "trigger": "manual",
            "requested": reason,
        },
        ledger=ledger,
    )
    publish(run_dir, version=release.version, fence=release.fence, published=published)
    smoke_or_restore(spec, version=release.version, fence=release.fence, ledger=ledger)
    follow(spec, ledger, published, registry)
    return {**verdict, "released": {"version": release.version, "fence": release.fence}}


def replay_monitor(spec: ModelSpec, window: Window) -> Iterator[dict[str, Any]]:
    """Measure, judge and decide every closed hour of a window, as a backfill does.

    Yields:
        The decision of each hour; nothing is requested, and nobody is told.
    """
    from evergreen.monitor.ctr import judge_ctr
    from evergreen.monitor.decide import decide
    from evergreen.monitor.drift import judge_drift
    from evergreen.monitor.measure import measure_hour

    lake, ledger = open_lake(spec), open_ledger()
    for hour in lake.closed_hours("impressions", window):
        measure_hour(spec, hour, lake=lake, ledger=ledger, replay=True)
        judge_ctr(spec, hour, ledger=ledger, replay=True)
        judge_drift(spec, hour, ledger=ledger, replay=True)
        yield decide(spec, hour, ledger=ledger, replay=True)
