"""The whole chain as pods run it: lake, runs and published sets on S3, MLflow over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from made_shop import END, MODEL, Shop
from s3fs import S3FileSystem

from evergreen.adapters.files import Files
from evergreen.adapters.installation import open_ledger, open_published, open_registry
from evergreen.config.settings import settings
from evergreen.domain.errors import ManifestInvalid
from evergreen.orchestration.in_process import retrain
from evergreen.trainer.manifest import RunDir
from servers import BUCKET, S3Server, Server

ROOT = f"s3://{BUCKET}/chain"


@dataclass(frozen=True)
class OnS3:
    """One installation that has its first champion, and what the retraining said."""

    shop: Shop
    store: S3Server
    said: dict[str, Any]


@pytest.fixture(scope="module")
def on_s3(
    landed_once: Shop,
    s3_started: S3Server,
    mlflow_started: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OnS3]:
    shop = landed_once.copy(tmp_path_factory.mktemp("on_s3"))
    urls = {
        "EVERGREEN_HOME": str(shop.home),
        "EVERGREEN_MODELS_DIR": str(shop.models_dir),
        "EVERGREEN_LAKE_URL": f"{ROOT}/lake",
        "EVERGREEN_RUNS_URL": f"{ROOT}/runs",
        "EVERGREEN_PUBLISHED_URL": f"{ROOT}/published",
        "EVERGREEN_DOCS_URL": f"{ROOT}/data_docs",
        "EVERGREEN_QUARANTINE_URL": f"{ROOT}/quarantine",
        "EVERGREEN_MLFLOW_URL": mlflow_started.url,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**s3_started.environment(), **urls}.items():
            patch.setenv(name, value)
        settings.cache_clear()
        S3FileSystem.clear_instance_cache()
        s3_started.fill("chain/lake", shop.lake_url)
        yield OnS3(shop, s3_started, retrain(shop.spec, until=END, reason="the first"))
    settings.cache_clear()
    S3FileSystem.clear_instance_cache()


def test_the_champion_is_published_and_registered(on_s3: OnS3) -> None:
    assert (on_s3.said["verdict"], on_s3.said["released"]) == (
        "PROMOTE",
        {"version": 1, "fence": 1},
    )
    champion, published = open_ledger().champion(MODEL), open_published(on_s3.shop.spec)
    current = published.current()
    assert champion is not None
    assert current is not None
    assert (champion.version, current.version, current.fence) == (1, 1, 1)
    assert open_registry().champion(MODEL) == 1
    published.verify(1)


def test_it_left_nothing_on_this_machine(on_s3: OnS3) -> None:
    assert {path.stem for path in on_s3.shop.home.iterdir()} == {"ledger"}


def test_the_same_window_again_is_no_work(on_s3: OnS3) -> None:
    before = len(on_s3.store.requests)
    again = retrain(on_s3.shop.spec, until=END)
    assert (again["verdict"], again["version"], again["released"]) == ("HOLD", 1, None)
    assert again["run_key"] == on_s3.said["run_key"]
    written = [one for one in on_s3.store.requests[before:] if not one.startswith(("GET", "HEAD"))]
    docs = f"PUT /{BUCKET}/chain/data_docs/{MODEL}/dataset-{again['run_key']}/"
    written = [one for one in written if not one.startswith(docs)]  # its pages, again
    run = f"PUT /{BUCKET}/chain/runs/{MODEL}/{again['run_key']}"
    report = f"{run}/gate/champion=1/report"
    assert written == [
        f"{run}/manifest.json",
        f"{run}/evaluate/champion=1/_SUCCESS",
        *sorted((f"{report}.html", f"{report}.json")),
    ]


def test_the_registered_model_is_the_trained_one(on_s3: OnS3, tmp_path: Path) -> None:
    run = RunDir(f"{ROOT}/runs/{MODEL}/{on_s3.said['run_key']}")
    made = run.fetch("train/full_28d", "model.ubj", tmp_path / "made.ubj")
    registered = open_registry().fetch(MODEL, 1, "model.ubj", tmp_path / "registry")
    assert registered.read_bytes() == made.read_bytes()


def test_a_damaged_artifact_is_refused(on_s3: OnS3, tmp_path: Path) -> None:
    run = RunDir(f"{ROOT}/runs/{MODEL}/{on_s3.said['run_key']}")
    place = run.path("train/full_28d", "model.ubj")
    whole = (store := Files(place.rpartition("/")[0])).read("model.ubj")
    store.write_atomic("model.ubj", whole[:-1] + b"]")
    try:
        with pytest.raises(ManifestInvalid, match=f"{place} is not the file that the step wrote"):
            run.fetch("train/full_28d", "model.ubj", tmp_path / "model.ubj")
    finally:
        store.write_atomic("model.ubj", whole)
    assert not (tmp_path / "model.ubj").exists()
