"""Step `publish`: recommendations for every context item, then `CURRENT` flips to them."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.trainer import dataset, fit
from evergreen.trainer.choice import best_variant
from evergreen.trainer.manifest import RunDir
from evergreen.trainer.progress import say
from evergreen.trainer.scoring import load_booster, rank_candidates
from evergreen.trainer.step_folder import step_folder


def step_name(fence: int) -> str:
    """Return the folder of the publication of this release below the run directory."""
    return step_folder("publish", {"fence": fence})


def publish(run_dir: str, *, version: int, fence: int, published: Published) -> dict[str, Any]:
    """Write the set of a released version and put it in force.

    Parameters:
        version: the registry's number of this run's model.
        fence: the release's fencing number; an older one than in force is refused.

    Raises:
        PublishRefused: a newer release is in force, or the set is damaged.
    """
    run = RunDir(run_dir)
    spec = run.spec()
    with run.running(step_name(fence)) as output:
        if output is not None:
            if not published.has(version):
                _write(run, spec, version, published)
            current = published.flip(version, fence)
            output.result |= {
                "version": version,
                "fence": fence,
                "published_at": current.published_at.isoformat(),
            }
    return run.require(step_name(fence))


def _write(run: RunDir, spec: ModelSpec, version: int, published: Published) -> None:
    variant = best_variant(run, spec)["variant"]
    candidates = run.table(dataset.STEP, "publish_candidates.parquet")
    with tempfile.TemporaryDirectory() as folder:
        path = run.fetch(fit.step_name(variant), fit.MODEL_FILE, Path(folder) / fit.MODEL_FILE)
        lists = rank_candidates(load_booster(path), candidates)
    say(f"publishing {lists.height:,} recommendations as version {version}")
    published.write(
        version,
        lists,
        run.table(dataset.STEP, "publish_popular.parquet"),
        as_of=datetime.fromisoformat(run.require(dataset.STEP)["as_of"]),
    )
