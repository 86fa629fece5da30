"""The gate over an evaluation: rules, verdict, and the attempt it was; on record in the ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evergreen.adapters.ledger import Ledger
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.error_budget import budget_of
from evergreen.domain.errors import ArtifactRefused, WindowRefused
from evergreen.domain.gate import (
    GateVerdict,
    blocked_rule,
    decide,
    fresh_champion_rule,
)
from evergreen.domain.gate_rule import GateRule, RuleVerdict
from evergreen.trainer.attempts import ATTEMPTS, attempt_of, with_attempt
from evergreen.trainer.evaluate import PAGE_VIEWS, SCORES, step_name
from evergreen.trainer.gate_rules import Evaluation, compared_rules, differences
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.window_quality import FrozenHours, require_released


def gate(run_dir: str, *, champion_version: int | None, ledger: Ledger) -> dict[str, Any]:
    """Decide whether this run's challenger takes the champion's place.

    Asked again it is the same attempt and says the same, unless the champion, the quarantine or
    the blocked versions have changed meanwhile.

    Parameters:
        champion_version: the one that `evaluate` compared with; None without one.

    Raises:
        ManifestInvalid: it has not been evaluated against this champion.
        ArtifactRefused: the registry's file of the champion was not the one that was released.
    """
    run = RunDir(run_dir)
    manifest, spec = run.manifest(), run.spec()
    evaluated = run.require(step_name(champion_version))
    if champion_version is not None:
        _require_released(spec.model, champion_version, evaluated, ledger)
    before = ledger.run(manifest["run_key"])
    verdict = {
        "version": evaluated["version"],
        "expected": champion_version,
        "as_of": evaluated["as_of"],
        "run_key": manifest["run_key"],
    }
    if evaluated.get("is_champion"):
        verdict |= _same(evaluated)
        if before is None or before.verdict is None:
            _keep(ledger, verdict, {})
        return verdict
    attempt = attempt_of(ledger, spec.model, manifest["run_key"], champion_version)
    verdict |= _judge(run, spec, evaluated, attempt, ledger)
    attempts = with_attempt(before and before.body, champion_version, attempt)
    _keep(ledger, verdict, {ATTEMPTS: attempts, "metrics": evaluated.get("metrics", {})})
    return verdict


def _require_released(model: str, champion: int, evaluated: dict[str, Any], ledger: Ledger) -> None:
    met, released = evaluated.get("champion_model_sha256"), ledger.model_digest(model, champion)
    if met and released and met != released:
        raise ArtifactRefused(
            f"{model} version {champion} was compared by a file with sha256 {met[:12]}…, but "
            f"{released[:12]}… was released: the registry's artifact was changed; restore it, then "
            "start the retraining again with force"
        )


def _keep(ledger: Ledger, verdict: dict[str, Any], more: dict[str, Any]) -> None:
    """Put the verdict on record; the profile stays in the registry, it is large."""
    evidence = {k: v for k, v in verdict["evidence"].items() if k not in ("profile", "metrics")}
    ledger.close_run(
        verdict["run_key"],
        verdict=verdict["verdict"],
        version=verdict["version"],
        body={"metrics": {}, **verdict, "evidence": evidence, **more},
    )


def _same(evaluated: dict[str, Any]) -> dict[str, Any]:
    reason = f"version {evaluated['version']} was trained from this very window and is the champion"
    return {"verdict": str(GateVerdict.HOLD), "reasons": [reason], "evidence": {}}


def _judge(
    run: RunDir, spec: ModelSpec, evaluated: dict[str, Any], attempt: int, ledger: Ledger
) -> dict[str, Any]:
    step, champion = step_name(evaluated["champion"]), evaluated["champion"]
    measured = "calibration" in evaluated
    found = Evaluation(
        views=run.table(step, PAGE_VIEWS),
        scores=run.table(step, SCORES) if measured else None,
        result=evaluated,
        has_champion=champion is not None,
    )
    budget = budget_of(attempt, first=spec.gate.first_alpha, total=spec.gate.history_error)
    compared = compared_rules(found, spec.gate, budget)
    decision = decide([*compared.rules, *_state_rules(run, spec, evaluated, ledger)])
    power = compared.power
    return {
        "verdict": str(decision.verdict),
        "reasons": list(decision.reasons),
        "evidence": {
            "profile": evaluated["profile"],
            "metrics": evaluated["metrics"],
            "rules": [rule.to_json() for rule in decision.rules],
            "power": {
                "wanted_gain": power.wanted_gain,
                "page_views": power.page_views,
                "needed_page_views": power.needed_page_views,
            },
            "budget": asdict(budget),
            "calibration": {
                who: said["bins"] for who, said in evaluated.get("calibration", {}).items()
            },
            "differences": differences(found.views, spec.gate),
        },
    }


def _state_rules(
    run: RunDir, spec: ModelSpec, evaluated: dict[str, Any], ledger: Ledger
) -> list[GateRule]:
    """Return the rules about what may have changed since the evaluation."""
    rules = [
        _data_rule(run.manifest(), ledger),
        fresh_champion_rule(evaluated["champion"], _champion_met(run, spec, evaluated, ledger)),
    ]
    blocked = blocked_rule(evaluated["version"], ledger.blocked(spec.model))
    return [*rules, blocked] if blocked else rules


def _data_rule(manifest: dict[str, Any], ledger: Ledger) -> GateRule:
    """Say whether all hours of the training window are still out of quarantine."""
    if not manifest.get("files"):
        text = "the window's manifest names no files, so nothing says that they were validated"
        return GateRule(name="data", verdict=RuleVerdict.NOT_ENOUGH_DATA, text=text)
    hours = FrozenHours.of(manifest)
    try:
        require_released(hours, ledger)
    except WindowRefused as error:
        return GateRule(name="data", verdict=RuleVerdict.FAIL, text=str(error))
    return GateRule(
        name="data",
        rows=len(hours.generations),
        verdict=RuleVerdict.PASS,
        text=f"{len(hours.generations):,} hours of orders, none of them in quarantine",
    )


def _champion_met(
    run: RunDir, spec: ModelSpec, evaluated: dict[str, Any], ledger: Ledger
) -> int | None:
    """Return the champion of now, or of just before this very run's release."""
    champion = ledger.champion(spec.model)
    if champion is None:
        return None
    own = (champion.run_key, champion.version) == (run.manifest()["run_key"], evaluated["version"])
    return champion.replaced_version if own else champion.version
