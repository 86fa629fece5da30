"""Step `evaluate`: challenger, champion and popularity on the same holdout page views.

The challenger's lists are those it would have published at the holdout's start. The champion is
judged by what it serves: its published lists, or, when these are younger than the holdout's start
and so have seen it, the lists its model would have published then.
"""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import xgboost as xgb

from evergreen.adapters.published import Published
from evergreen.adapters.registry import Registry
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import Window
from evergreen.trainer import dataset, fit
from evergreen.trainer.choice import best_variant, compared, in_words, variant_results
from evergreen.trainer.compare import compare
from evergreen.trainer.holdout import Holdout, Offered, Outcome
from evergreen.trainer.manifest import RunDir, StepOutput
from evergreen.trainer.progress import say
from evergreen.trainer.reference import expected_profile, gain_importance
from evergreen.trainer.scoring import load_booster, rank_candidates
from evergreen.trainer.step_folder import step_folder

PAGE_VIEWS = "page_views.parquet"
SCORES = "scores.parquet"


def step_name(champion: int | None) -> str:
    """Return the folder of the evaluation against this champion below the run directory."""
    return step_folder("evaluate", {"champion": champion or 0})


def evaluate(
    run_dir: str, champion: int | None, *, published: Published, registry: Registry
) -> dict[str, Any]:
    """Compare on the holdout, and register the challenger with its reference profile.

    Parameters:
        champion: the version to compare with; None without one.

    Raises:
        ManifestInvalid: data set or training is missing.
        NoVariantTrained: every variant was skipped.
        VersionUnknown: the champion is neither published nor registered.
        RegistryUnreachable: MLflow does not answer; nothing that was trained is lost.
    """
    run = RunDir(run_dir)
    manifest = run.manifest()
    spec = run.spec()
    trained = best_variant(run, spec)
    with run.running(step_name(champion)) as output:
        if output is None:
            return run.require(step_name(champion))
        version = registry.version_of(spec.model, manifest["run_key"])
        output.result |= {
            "variant": trained["variant"],
            "variants": compared(variant_results(run, spec)),
            "champion": champion,
            "as_of": run.require(dataset.STEP)["as_of"],
        }
        if version is not None and version == champion:
            output.result |= {"version": version, "is_champion": True}
        else:
            _compare(run, spec, champion, output, published=published, registry=registry)
            output.result["version"] = _register(run, spec, trained, output, registry)
    return run.require(step_name(champion))


def _compare(
    run: RunDir,
    spec: ModelSpec,
    champion: int | None,
    output: StepOutput,
    *,
    published: Published,
    registry: Registry,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        step = fit.step_name(output.result["variant"])
        booster = load_booster(run.fetch(step, fit.MODEL_FILE, Path(folder) / fit.MODEL_FILE))
    found = compare(run, spec, booster, champion, published=published, registry=registry)
    found.page_views.write_parquet(output.folder / PAGE_VIEWS)
    found.scores.write_parquet(output.folder / SCORES)
    output.result |= found.result
    output.result["profile"] = expected_of(run, spec, booster, found.earned).to_json()
    for who, metrics in output.result["metrics"].items():
        say(f"{who}: {metrics}")


def expected_of(
    run: RunDir, spec: ModelSpec, booster: xgb.Booster, earned: Outcome
) -> ReferenceProfile:
    """Return what to expect of the lists that will be published, if the challenger wins."""
    say("making the reference profile")
    orders = run.table(dataset.STEP, "window_orders.parquet")
    lists = Offered(
        recommendations=rank_candidates(
            booster, run.table(dataset.STEP, "publish_candidates.parquet")
        ),
        popular=run.table(dataset.STEP, "publish_popular.parquet"),
    )
    start, end = (
        datetime.fromisoformat(run.require(dataset.STEP)[name])
        for name in ("holdout_start", "as_of")
    )
    return expected_of_lists(orders, lists, earned, Window(start, end), spec, booster)


def expected_of_lists(
    orders: pl.DataFrame,
    lists: Offered,
    earned: Outcome,
    holdout: Window,
    spec: ModelSpec,
    booster: xgb.Booster,
) -> ReferenceProfile:
    """Return what to expect of lists on page views like those of the training window.

    Parameters:
        orders: of the training window.
        lists: those to be published.
        earned: what the model's lists of the holdout's start earned on it.
    """
    start, end = holdout.start, holdout.end
    first = orders["order_time"].dt.truncate("1h").min()
    return expected_profile(
        earned.shown,
        Holdout(orders, spec.gate.k).outcome(lists).shown,
        holdout=holdout,
        window=Window(first if isinstance(first, datetime) else start, end),
        spec=spec,
        importance=gain_importance(booster, spec.features.names),
    )


def _register(
    run: RunDir, spec: ModelSpec, trained: dict[str, Any], output: StepOutput, registry: Registry
) -> int:
    manifest = run.manifest()
    artifacts = {
        "profile.json": output.result["profile"],
        "manifest.json": {
            **manifest,
            "trained_until": run.require(dataset.STEP).get("validation_start"),
        },
        "metrics.json": output.result["metrics"],
    }
    metrics = {
        f"{who}_{name}": float(value)
        for who, summary in output.result["metrics"].items()
        for name, value in summary.items()
    }
    variants = output.result["variants"]
    losses = {
        f"valid_logloss_{name}": float(said["valid_logloss"])
        for name, said in variants.items()
        if "skipped" not in said
    }
    say(f"registering {trained['variant']} in MLflow; validation loss: {in_words(variants)}")
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, body in artifacts.items():
            paths[name] = Path(folder) / name
            paths[name].write_text(json.dumps(body, indent=1))
        booster = run.fetch(
            fit.step_name(trained["variant"]), fit.MODEL_FILE, Path(folder) / fit.MODEL_FILE
        )
        return registry.register(
            spec.model,
            run_key=manifest["run_key"],
            booster_file=booster,
            features=spec.features.names,
            params={**trained["params"], "rounds": trained["rounds"]},
            metrics={**metrics, "valid_logloss": trained["valid_logloss"], **losses},
            artifacts=paths,
            tags={
                "window": f"{manifest['window']['start']} to {manifest['window']['end']}",
                "variant": trained["variant"],
                "variants": in_words(variants),
                "code": manifest["code"],
                "image": manifest["image"] or "none: local processes",
                "evergreen": manifest["evergreen"],
            },
        )
