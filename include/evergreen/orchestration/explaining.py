"""Gathers what explains a release: from the ledger, the run directory, the monitor's decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evergreen.config.settings import Settings
from evergreen.domain.errors import EvergreenError, VersionUnknown
from evergreen.domain.trigger import Action

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Decision, Ledger, Release


def explained(
    model: str, ledger: Ledger, settings: Settings, *, fence: int | None, version: int | None
) -> dict[str, Any]:
    """Return one release explained: by its number, or the newest one of a version.

    Of a version that was never released it is the gate's verdict that is explained.

    Raises:
        VersionUnknown: there is no such release, and no retraining made the version.
    """
    from evergreen.release.explain import explain, explain_held

    releases = ledger.releases(model)
    held = [run for run in ledger.runs(model) if version is not None and run.version == version]
    if held and version not in {release.version for release in releases}:
        run_dir = f"{settings.runs_root(model)}/{held[-1].run_key}"
        manifest, trained = _of_run(run_dir)
        return explain_held(
            held[-1],
            manifest=manifest,
            trained=trained,
            decision=_with_reasons(model, held[-1].manifest.get("reason"), ledger),
            manifest_path=f"{run_dir}/manifest.json",
        )
    release = _chosen(model, releases, fence=fence, version=version)
    promotions = [r for r in releases if r.version == release.version and r.kind == "promotion"]
    origin = promotions[-1] if promotions else None
    run_dir = f"{settings.runs_root(model)}/{release.run_key}"
    manifest, trained = _of_run(run_dir)
    return explain(
        release,
        run=ledger.run(release.run_key),
        manifest=manifest,
        trained=trained,
        decision=_asked_by(model, release, origin, ledger),
        manifest_path=f"{run_dir}/manifest.json",
        origin=origin,
    )


def _chosen(
    model: str, releases: list[Release], *, fence: int | None, version: int | None
) -> Release:
    wanted = f"release {fence}" if fence is not None else f"version {version}"
    found = [
        r for r in releases if (r.fence == fence if fence is not None else r.version == version)
    ]
    if not found:
        known = ", ".join(f"{r.fence} (version {r.version})" for r in releases) or "none"
        raise VersionUnknown(f"{model} has no {wanted}; its releases are {known}")
    return found[-1]


def _of_run(run_dir: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the run's manifest and what training said of its best variant, as far as it is there.

    An old run's directory may be gone; the release is explained without it.
    """
    from evergreen.trainer.choice import best_variant
    from evergreen.trainer.manifest import RunDir

    run = RunDir(run_dir)
    try:
        manifest = run.manifest()
    except EvergreenError:
        return None, None
    try:
        return manifest, best_variant(run, run.spec())
    except EvergreenError:
        return manifest, None


def _asked_by(
    model: str, release: Release, origin: Release | None, ledger: Ledger
) -> Decision | None:
    """Return the monitor's decision behind a release: the newest one with the same reasons."""
    if release.kind == "probation":
        hours = ledger.decisions(model, action=Action.REQUEST_ROLLBACK)
        fence = release.evidence.get("failed_fence")
        of = [d for d in hours if d.body["evidence"]["probation"]["fence"] == fence]
        return of[-1] if of else None
    return _with_reasons(model, (origin or release).evidence.get("requested"), ledger)


def _with_reasons(model: str, reason: str | None, ledger: Ledger) -> Decision | None:
    asked = ledger.decisions(model, action=Action.REQUEST_RETRAIN)
    found = [d for d in asked if reason and "; ".join(d.body["reasons"]) == reason]
    return found[-1] if found else None
