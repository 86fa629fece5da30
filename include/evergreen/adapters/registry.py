"""MLflow's registry: the versions of a model, with everything that made them.

The ledger says who is champion; the registry keeps the files, and its aliases follow the ledger.
MLflow is imported at first use: that takes seconds.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evergreen.adapters.registry_client import explained, open_client
from evergreen.adapters.registry_model import (
    MODEL_FILE,
    refuse_other_file,
    refuse_pickles,
    write_model,
)
from evergreen.adapters.secret_free import secret_free
from evergreen.config.settings import Settings
from evergreen.domain.errors import ArtifactRefused, VersionUnknown

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
CHALLENGER = "challenger"
RUN_KEY_TAG = "evergreen.run_key"
FENCE_TAG = "evergreen.champion_fence"
DIGEST_TAG = "evergreen.sha256"
MAX_BATCH = 100
"""MLflow takes this many parameters in one call."""


class Registry:
    """The registered versions of every model.

    Args:
        url: MLflow's tracking and registry URI, `http://…` or `sqlite:///…`.
        artifacts: where a local MLflow keeps files; None: where its server does.

    Raises:
        RegistryUnreachable: by every method; the text names the URL and what to do.
    """

    def __init__(self, url: str, *, artifacts: str | None = None) -> None:
        self.url = url
        self._artifacts = artifacts

    @classmethod
    def of(cls, settings: Settings) -> Registry:
        """Return the registry of this installation."""
        artifacts = None if settings.mlflow_url else str(settings.home / "mlflow" / "artifacts")
        return cls(settings.mlflow, artifacts=artifacts)

    @cached_property
    def _client(self) -> MlflowClient:
        return open_client(self.url)

    def register(
        self,
        model: str,
        *,
        run_key: str,
        booster_file: Path,
        features: Sequence[str],
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        artifacts: Mapping[str, Path],
        tags: Mapping[str, str],
    ) -> int:
        """Register one retraining as the next version, alias `challenger`, and return the version.

        The same run key again returns the version that it has.

        Args:
            model: the registered model's name.
            run_key: the identity of the retraining.
            booster_file: XGBoost UBJ; its sha256 becomes a tag of the version.
            features: the model's columns, in its order.
            params: shown by MLflow.
            metrics: shown by MLflow.
            artifacts: name to file, beside the model; JSON, never pickles.
            tags: of the MLflow run and of the version.

        Raises:
            ArtifactRefused: the booster is not UBJ, or an artifact is a pickle.
        """
        known = self.version_of(model, run_key)
        if known is not None:
            return known
        refuse_pickles(artifacts, where=f"{model}, run {run_key}")
        digest = hashlib.sha256(booster_file.read_bytes()).hexdigest()
        tags = {**tags, RUN_KEY_TAG: run_key, DIGEST_TAG: digest}
        client = self._client
        with tempfile.TemporaryDirectory() as folder, explained(self.url):
            write_model(Path(folder) / "model", booster_file, features)
            for name, file in artifacts.items():
                shutil.copyfile(file, Path(folder) / Path(name).name)
            run_id = self._open_run(model, run_key, tags)
            self._log_numbers(run_id, params, metrics)
            client.log_artifacts(run_id, folder)
            client.set_terminated(run_id)
            return self._create_version(model, run_id, tags)

    def version_of(self, model: str, run_key: str) -> int | None:
        """Return the version that a run key was registered as; None when it was not."""
        client = self._client
        with explained(self.url):
            found = client.search_model_versions(
                f"name = '{model}' and tags.`{RUN_KEY_TAG}` = '{run_key}'"
            )
        return min((int(version.version) for version in found), default=None)

    def run_page(self, model: str, version: int, pages: str) -> str:
        """Return the address of the MLflow run that a version came from; `""` without pages.

        Args:
            model: the registered model's name.
            version: of it.
            pages: where people see MLflow; may be empty.

        Raises:
            VersionUnknown: there is no such version.
        """
        if not pages:
            return ""
        run_id = str(self._version(model, version).run_id)
        with explained(self.url):
            experiment = self._client.get_run(run_id).info.experiment_id
        return f"{pages}/#/experiments/{experiment}/runs/{run_id}"

    def attach(self, model: str, version: int, folder: str, files: Mapping[str, bytes]) -> None:
        """Log files with the MLflow run that a version came from, instead of older ones.

        Args:
            model: the registered model's name.
            version: of it.
            folder: of the run's artifacts.
            files: name to content; never pickles.

        Raises:
            VersionUnknown: there is no such version.
        """
        run_id = self._version(model, version).run_id
        with tempfile.TemporaryDirectory() as local, explained(self.url):
            for name, data in files.items():
                path = Path(local) / name
                path.write_bytes(data)
                self._client.log_artifact(run_id, str(path), folder)

    def fetch(
        self, model: str, version: int, name: str, target: Path, *, sha256: str | None = None
    ) -> Path:
        """Copy one artifact of a version into the folder `target` and return its path.

        Args:
            model: the registered model's name.
            version: of it.
            name: `model.ubj`, or an artifact's name at registration.
            target: a folder; made when it is not there.
            sha256: of `model.ubj`, as the ledger has it; None where the ledger has none. The
                registry's own digest is compared in any case.

        Raises:
            VersionUnknown: no such version, or it has no such artifact.
            ArtifactRefused: `model.ubj` is not the file that was trained, the registry's digest
                is not the ledger's, or there is a pickle.
        """
        where = f"{model} version {version}"
        known = self._version(model, version)
        if not known.run_id or DIGEST_TAG not in known.tags:
            raise ArtifactRefused(f"{where} has no digest: it was not registered by Evergreen")
        if sha256 is not None and known.tags[DIGEST_TAG] != sha256:
            raise ArtifactRefused(
                f"{where}: the registry's digest is not the ledger's: sha256 {sha256[:12]}… "
                f"expected, {known.tags[DIGEST_TAG][:12]}… found; somebody registered another "
                "file; do not use this version, go back to an older one"
            )
        client = self._client
        with explained(self.url):
            beside = [f.path for f in client.list_artifacts(known.run_id)]
            inside = [f.path for f in client.list_artifacts(known.run_id, "model")]
        refuse_pickles(beside + inside, where=where)
        path = f"model/{MODEL_FILE}" if name == MODEL_FILE else name
        if path not in beside + inside:
            names = ", ".join(sorted({MODEL_FILE, *beside} - {"model"}))
            raise VersionUnknown(f"{where} has no artifact {name}; it has {names}")
        with tempfile.TemporaryDirectory() as folder, explained(self.url):
            file = Path(client.download_artifacts(known.run_id, path, folder))
            digest = known.tags[DIGEST_TAG] if name == MODEL_FILE else None
            refuse_other_file(file, sha256=digest, where=where)
            target.mkdir(parents=True, exist_ok=True)
            return Path(shutil.copyfile(file, target / name))

    def set_champion(self, model: str, version: int) -> None:
        """Let the alias `champion` name a version.

        Raises:
            VersionUnknown: there is no such version.
        """
        self._version(model, version)
        with explained(self.url):
            self._client.set_registered_model_alias(model, CHAMPION, str(version))

    def set_followed(self, model: str, fence: int) -> None:
        """Remember that the alias `champion` follows this release."""
        with explained(self.url):
            self._client.set_registered_model_tag(model, FENCE_TAG, str(fence))

    def followed(self, model: str) -> int | None:
        """Return the release that the alias was last set for; None when it never was."""
        from mlflow.exceptions import MlflowException

        client = self._client
        try:
            with explained(self.url):
                return int(client.get_registered_model(model).tags[FENCE_TAG])
        except (KeyError, ValueError, MlflowException):
            return None

    def champion(self, model: str) -> int | None:
        """Return the version that the alias `champion` names; None when there is no alias."""
        from mlflow.exceptions import MlflowException

        client = self._client
        try:
            with explained(self.url):
                return int(client.get_registered_model(model).aliases[CHAMPION])
        except (KeyError, MlflowException):
            return None

    def _version(self, model: str, version: int) -> ModelVersion:
        from mlflow.exceptions import MlflowException

        client = self._client
        try:
            with explained(self.url):
                return client.get_model_version(model, str(version))
        except MlflowException:
            raise VersionUnknown(
                f"{model} has no version {version} in MLflow at {secret_free(self.url)}; "
                "`evergreen release history` lists those that were released"
            ) from None

    def _open_run(self, model: str, run_key: str, tags: Mapping[str, str]) -> str:
        """Open an MLflow run; those that were left open by a killed process are closed."""
        client = self._client
        experiment = client.get_experiment_by_name(model)
        if experiment is None:
            folder = f"{self._artifacts}/{model}" if self._artifacts else None
            experiment_id = client.create_experiment(model, artifact_location=folder)
        else:
            experiment_id = experiment.experiment_id
        left = f"tags.`{RUN_KEY_TAG}` = '{run_key}' and attributes.status = 'RUNNING'"
        for run in client.search_runs([experiment_id], left):
            client.set_terminated(run.info.run_id, "KILLED")
        return str(client.create_run(experiment_id, tags=dict(tags), run_name=run_key).info.run_id)

    def _log_numbers(
        self, run_id: str, params: Mapping[str, Any], metrics: Mapping[str, float]
    ) -> None:
        from mlflow.entities import Metric, Param

        now_ms = time.time_ns() // 1_000_000
        said = [Param(name, str(value)) for name, value in params.items()]
        for start in range(0, len(said), MAX_BATCH):
            self._client.log_batch(run_id, params=said[start : start + MAX_BATCH])
        measured = [Metric(name, value, now_ms, 0) for name, value in metrics.items()]
        self._client.log_batch(run_id, metrics=measured)

    def _create_version(self, model: str, run_id: str, tags: Mapping[str, str]) -> int:
        from mlflow.exceptions import MlflowException

        client = self._client
        try:
            client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        uri = str(client.get_run(run_id).info.artifact_uri)
        made = client.create_model_version(model, f"{uri}/model", run_id, tags=dict(tags))
        client.set_registered_model_alias(model, CHALLENGER, made.version)
        return int(made.version)
