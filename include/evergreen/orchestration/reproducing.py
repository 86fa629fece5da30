"""Training a version again from its manifest, to see that it is what the ledger says."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import evergreen
from evergreen.adapters.installation import open_ledger, open_registry
from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import Settings
from evergreen.domain.errors import ManifestInvalid, VersionUnknown

if TYPE_CHECKING:
    from evergreen.adapters.ledger import Ledger

TABLE = "orders"
NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """Whether a version's model came out the same to the byte.

    Parameters:
        expected: SHA-256 of the model, as the ledger has it, or the run directory of then.
        found: of the one that was trained now; None where what it was made from is gone.
        differences: what is not as it was then, for people; some explain another digest.
        run_dir: the fresh run directory; removed when the digests are equal.
    """

    model: str
    version: int
    run_key: str
    expected: str
    found: str | None
    differences: tuple[str, ...]
    run_dir: str | None

    @property
    def equal(self) -> bool:
        """Whether the very same model came out."""
        return self.found == self.expected


def reproduce(
    spec: ModelSpec,
    version: int,
    *,
    settings: Settings,
    say: Callable[[str], None] = lambda _: None,
) -> Reproduced:
    """Train a version again: the same files, spec and code, the same steps, a fresh folder.

    Nothing of the installation changes: no run is opened, nothing is registered or published.

    Raises:
        VersionUnknown: no retraining made the version.
        ManifestInvalid: its manifest, or the digest of its model, is not known any more.
        EvergreenError: whatever a step refuses.
    """
    ledger = open_ledger()
    run_key = _run_key(spec.model, version, ledger)
    frozen_dir = f"{settings.runs_root(spec.model)}/{run_key}"
    manifest = _manifest(spec.model, version, frozen_dir)
    expected = _expected(spec.model, version, frozen_dir, ledger)
    blocking, others = _differences(spec, manifest, settings)
    if blocking:
        return Reproduced(
            model=spec.model,
            version=version,
            run_key=run_key,
            expected=expected,
            found=None,
            differences=(*blocking, *others),
            run_dir=None,
        )
    folder = Path(tempfile.mkdtemp(prefix=f"evergreen-reproduce-{run_key}-"))
    found = _train(manifest, str(folder / run_key), settings, say)
    if found == expected:
        shutil.rmtree(folder)
    return Reproduced(
        model=spec.model,
        version=version,
        run_key=run_key,
        expected=expected,
        found=found,
        differences=others,
        run_dir=None if found == expected else str(folder / run_key),
    )


def _run_key(model: str, version: int, ledger: Ledger) -> str:
    released = ledger.released(model, version)
    if released is not None:
        return released.run_key
    made_by = [run.run_key for run in ledger.runs(model) if run.version == version]
    if not made_by:
        raise VersionUnknown(
            f"{model}: no retraining in the ledger made version {version}; see `evergreen release "
            "history`"
        )
    return made_by[-1]


def _manifest(model: str, version: int, frozen_dir: str) -> dict[str, Any]:
    """Return the run's manifest: from its directory, else the copy that was registered."""
    from evergreen.trainer.manifest import RunDir

    try:
        return RunDir(frozen_dir).manifest()
    except ManifestInvalid:
        with tempfile.TemporaryDirectory() as folder:
            path = open_registry().fetch(model, version, "manifest.json", Path(folder))
            manifest: dict[str, Any] = json.loads(path.read_text())
            return manifest


def _expected(model: str, version: int, frozen_dir: str, ledger: Ledger) -> str:
    from evergreen.trainer.digest import trained_digest

    said = ledger.model_digest(model, version)
    if said is not None:
        return said
    try:
        return trained_digest(frozen_dir)
    except ManifestInvalid as error:
        raise ManifestInvalid(
            f"{model} version {version}: the ledger has no digest of its model, and its run "
            f"directory neither: {error}"
        ) from None


def _differences(
    spec: ModelSpec, manifest: Mapping[str, Any], settings: Settings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what makes training the same impossible, and what only may change the result."""
    from evergreen.trainer.model_code import code_digest

    blocking, others = [], []
    lake = Lake(manifest["lake"])
    gone = [f for f in manifest["files"] if not lake.files.exists(f"{TABLE}/{f['path']}")]
    if gone:
        named = ", ".join(f"{f['path']} (generation {f['generation']})" for f in gone[:NAMED])
        blocking.append(
            f"{len(gone)} of {len(manifest['files'])} files are gone, as those hours were landed "
            f"again or removed: {named}{' …' if len(gone) > NAMED else ''}"
        )
    code = code_digest(settings.models_dir, spec.model)
    if code != manifest["code"]:
        blocking.append(
            f"features.py has changed: sha256 {manifest['code'][:12]}… then, {code[:12]}… now; "
            "check out the commit of then"
        )
    if manifest["evergreen"] != evergreen.__version__:
        others.append(f"Evergreen was {manifest['evergreen']}, it is {evergreen.__version__} now")
    if manifest.get("image"):
        others.append(f"it was trained in the image {manifest['image']}, this is a local process")
    return tuple(blocking), tuple(others)


def _train(
    manifest: Mapping[str, Any], run_dir: str, settings: Settings, say: Callable[[str], None]
) -> str:
    from evergreen.trainer.dataset import build_dataset
    from evergreen.trainer.digest import trained_digest
    from evergreen.trainer.fit import train
    from evergreen.trainer.manifest import RunDir

    run, registry = RunDir(run_dir), open_registry()
    run.write_manifest(dict(manifest))
    say(f"building the data set of run {manifest['run_key']} in {run_dir}")
    build_dataset(run_dir, settings)
    for variant in run.spec().train.variants:
        say(f"training {variant}")
        train(run_dir, variant, registry=registry)
    return trained_digest(run_dir)
