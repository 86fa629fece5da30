"""One release explained, down to the manifest it was trained from; and two of them compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evergreen.adapters.ledger import Decision, Release, Run

Body = dict[str, Any]
SECTIONS = ("window", "training", "spec", "code", "params", "metrics", "rules")
"""Of a comparison, in the order that they are shown."""


def explain(
    release: Release,
    *,
    run: Run | None,
    manifest: Mapping[str, Any] | None,
    trained: Mapping[str, Any] | None,
    decision: Decision | None,
    manifest_path: str,
    origin: Release | None = None,
) -> Body:
    """Return everything that is known about a release, for people and for `differences`.

    Args:
        release: the decision to explain.
        run: of the ledger, that made the version; None when it was never opened.
        manifest: of that run; None when its directory is gone.
        trained: what training said of the variant that met the gate; None when it is gone.
        decision: of the monitor, that asked for the retraining; None for a person or the clock.
        manifest_path: where the manifest lies, or lay.
        origin: the version's promotion, where `release` is a rollback to it: what the gate weighed.
    """
    weighed = (origin or release).evidence
    frozen, learned = manifest or {}, trained or {}
    return {
        "model": release.model,
        "version": release.version,
        "fence": release.fence,
        "kind": release.kind,
        "released_at": release.released_at,
        "replaced_version": release.replaced_version,
        "reasons": release.reason.split("; "),
        "verdict": _verdict(release, run),
        "rules": _rules(release, weighed),
        "metrics": weighed.get("metrics", {}),
        **{name: weighed[name] for name in ("power", "budget") if name in weighed},
        "requested": {
            "trigger": weighed.get("trigger"),
            "reason": weighed.get("requested"),
            "decision": _decision(decision),
        },
        "training": {
            "run_key": release.run_key,
            "manifest": manifest_path,
            "as_of": release.as_of,
            "lookback_start": frozen.get("lookback_start"),
            "variant": learned.get("variant"),
            **_files(frozen),
        },
        "window": frozen.get("window"),
        "spec": frozen.get("spec"),
        "code": {name: frozen.get(name) for name in ("code", "evergreen", "image")},
        "params": {**learned.get("params", {}), "rounds": learned.get("rounds")}
        if learned
        else None,
        "digests": {"model": weighed.get("model_sha256"), "features.py": frozen.get("code")},
    }


def explain_held(
    run: Run,
    *,
    manifest: Mapping[str, Any] | None,
    trained: Mapping[str, Any] | None,
    decision: Decision | None,
    manifest_path: str,
) -> Body:
    """Return the same of a version that no gate promoted: the last verdict on its retraining."""
    said = run.body or {}
    weighed = {**said, **said.get("evidence", {})}
    held = Release(
        model=run.model,
        version=run.version or 0,
        fence=0,
        kind="promotion",
        run_key=run.run_key,
        as_of=datetime.fromisoformat(said["as_of"]) if "as_of" in said else run.opened_at,
        reason="; ".join(said.get("reasons", ())),
        evidence={**weighed, "trigger": run.trigger, "requested": run.manifest.get("reason")},
        replaced_version=None,
        released_at=run.closed_at or run.opened_at,
    )
    body = explain(
        held,
        run=run,
        manifest=manifest,
        trained=trained,
        decision=decision,
        manifest_path=manifest_path,
    )
    return {**body, "fence": None, "kind": "never released", "compared_with": said.get("expected")}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, dict[str, list[Any]]]:
    """Return section to key to [old, new] of what two explained releases do not share.

    Example:
        >>> differences({"params": {"eta": 0.1, "seed": 7}}, {"params": {"eta": 0.2, "seed": 7}})
        {'params': {'eta': [0.1, 0.2]}}
    """
    found = {}
    for section in SECTIONS:
        one, two = (_flat(_by_name(side.get(section))) for side in (old, new))
        changed = {
            key: [one.get(key), two.get(key)]
            for key in [*one, *(k for k in two if k not in one)]
            if one.get(key) != two.get(key)
        }
        if changed:
            found[section] = changed
    return found


def rule_line(rule: Mapping[str, Any]) -> str:
    """Return one rule for people: verdict, name, value, bound, sample, and its own words."""
    passed = rule.get("passed")
    verdict = rule.get("verdict") or {True: "pass", False: "fail"}.get(passed, "")
    name = " ".join(str(part) for part in (rule.get("name"), rule.get("subject")) if part)
    numbers = [
        f"{key} {rule[key]:.6g}"
        for key in ("value", "lower", "upper", "bound")
        if isinstance(rule.get(key), int | float)
    ]
    sizes = [f"{rule[key]:,} {key}" for key in ("rows", "clusters") if rule.get(key) is not None]
    return f"{verdict}: {name}: {', '.join([*numbers, *sizes])}; {rule.get('text', '')}"


def _verdict(release: Release, run: Run | None) -> str | None:
    if release.kind == "promotion":
        return run.verdict if run else None
    return {"rollback": "rolled back", "probation": "failed probation"}[release.kind]


def _rules(release: Release, weighed: Mapping[str, Any]) -> list[Body]:
    """Return the gate's rules; of a failed probation what it was judged by, as one more."""
    rules = [dict(rule) for rule in weighed.get("rules", ())]
    trial = release.evidence.get("verdict")
    if release.kind != "probation" or not isinstance(trial, dict):
        return rules
    share = trial.get("ctr") or {}
    return [
        {
            "name": "probation",
            "subject": f"version {trial.get('version')}",
            "value": share.get("value"),
            "lower": share.get("lower"),
            "upper": share.get("upper"),
            "bound": trial.get("bound"),
            "rows": share.get("trials"),
            "clusters": share.get("clusters"),
            "verdict": "fail",
            "text": trial.get("reason"),
        },
        *rules,
    ]


def _decision(decision: Decision | None) -> Body | None:
    if decision is None:
        return None
    body = decision.body
    return {
        "id": decision.id,
        "hour": body.get("hour", decision.hour.isoformat()),
        "action": decision.action,
        "reasons": body.get("reasons", []),
        "decided_at": decision.decided_at,
    }


def _files(manifest: Mapping[str, Any]) -> Body:
    files = manifest.get("files")
    if files is None:
        return {"files": None}
    return {
        "files": len(files),
        "rows": sum(file["rows"] for file in files),
        "generations": dict(sorted(Counter(str(f["generation"]) for f in files).items())),
        "missing_hours": len(manifest.get("missing_hours", ())),
        "quarantined_hours": len(manifest.get("quarantined_hours", ())),
    }


def _by_name(section: Any) -> Any:
    """Return rules as a mapping, so that the same rule of both sides is compared."""
    if not isinstance(section, list):
        return section or {}
    kept = ("verdict", "passed", "value", "bound")
    return {
        " ".join(str(part) for part in (rule.get("name"), rule.get("subject")) if part): {
            key: rule[key] for key in kept if key in rule
        }
        for rule in section
    }


def _flat(body: Any, prefix: str = "") -> Body:
    """Return nested mappings as `outer.inner` keys."""
    if not isinstance(body, Mapping):
        return {prefix: body}
    flat: Body = {}
    for key, value in body.items():
        flat |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
