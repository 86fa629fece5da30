"""The smoke test with its consequence: a set that cannot serve gives way to the one before."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from evergreen.adapters.installation import open_published, open_registry
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.alert import Alert
from evergreen.domain.errors import ArtifactRefused, PublishRefused, SmokeFailed
from evergreen.domain.windows import floor_hour
from evergreen.orchestration.following import follow_ledger
from evergreen.orchestration.notifiers import notify

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger
    from evergreen.release.smoke import Rescore


def smoke_or_restore(spec: ModelSpec, *, version: int, fence: int, ledger: Ledger) -> None:
    """Test the set of a release that was just put in force; restore the one before if it fails.

    Run again after a failure it finishes what is open and fails again: nothing is restored twice.

    Raises:
        SmokeFailed: the set cannot serve; the text says why, and what the shop reads now.
        PublishRefused: another release came in between, so this one's set is not in force.
        RegistryUnreachable: MLflow does not answer; nothing was restored.
    """
    from evergreen.release.restore import restore, restored_before
    from evergreen.release.smoke import smoke_test

    published, problem = open_published(spec), ""
    release = next(r for r in ledger.releases(spec.model) if r.fence == fence)
    if restored_before(spec, fence=fence, ledger=ledger) is None:
        try:
            smoke_test(
                spec,
                version=version,
                published=published,
                rescore=registered_scores(spec, version, ledger),
                before=release.replaced_version,
            )
            return
        except (PublishRefused, ArtifactRefused) as error:
            champion = ledger.champion(spec.model)
            if champion is None or champion.fence != fence:
                raise
            problem = str(error)
    done = restore(spec, fence=fence, problem=problem, ledger=ledger, published=published)
    evidence = {"smoke_test": done.text, "version": version, "fence": fence}
    ledger.open_incident(spec.model, floor_hour(release.as_of), evidence=evidence)
    follow_ledger(spec, ledger)
    text = f"{spec.model}: {done.text}"
    notify(
        ledger,
        f"{spec.model}/{fence}/smoke",
        alert=Alert.SMOKE_TEST_FAILED,
        model=spec.model,
        severity="error",
        text=text,
        facts={"failed": f"version {version}", "reasons": [done.text]},
        status=f"version {version} cannot serve; it needs a person",
    )
    raise SmokeFailed(text)


def registered_scores(spec: ModelSpec, version: int, ledger: Ledger) -> Rescore:
    """Return what scores served features by the registered model of a version.

    Raises:
        ArtifactRefused: the registry's file is not the one that the ledger's release names.
        VersionUnknown: it is not registered.
        RegistryUnreachable: MLflow does not answer.
    """
    from evergreen.trainer.fit import MODEL_FILE
    from evergreen.trainer.scoring import load_booster, scores_of

    digest = ledger.model_digest(spec.model, version)
    with tempfile.TemporaryDirectory() as folder:
        path = open_registry().fetch(spec.model, version, MODEL_FILE, Path(folder), sha256=digest)
        booster = load_booster(path)
    return lambda served: scores_of(booster, served)
