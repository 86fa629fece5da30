"""What fresh_24h may continue from, which rows are recent, and when a variant is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from made_runs import Versions

from evergreen.config.model_spec import ModelSpec
from evergreen.trainer.batches import Rows
from evergreen.trainer.variants import Base, Cut, Skip, find_base, labels_seen, since_of, too_few

FEATURES = ("price", "co_28d")
DAY = timedelta(days=1)
END = datetime(2011, 4, 18, tzinfo=UTC)
VALIDATION = END - 10 * DAY


def spec_of(**train: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "model": "m",
            "description": "",
            "owner": "",
            "features": {"numeric": list(FEATURES)},
            "train": train,
        }
    )


def manifest(end: datetime = END, **more: Any) -> dict[str, Any]:
    return {
        "window": {"start": (end - 28 * DAY).isoformat(), "end": end.isoformat()},
        "spec": spec_of().model_dump(mode="json", by_alias=True),
        "code": "c",
        **more,
    }


@pytest.fixture
def registry(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "versions")


def champion(
    registry: Versions,
    *,
    features: tuple[str, ...] = FEATURES,
    rounds: int = 3,
    end: datetime = END - DAY,
    **more: Any,
) -> None:
    """Register version 1."""
    rng = np.random.default_rng(1)
    rows = xgb.DMatrix(
        rng.standard_normal((50, len(features))),
        rng.integers(2, size=50),
        feature_names=list(features),
    )
    params = {"objective": "binary:logistic", "max_depth": 1, "nthread": 1}
    booster = xgb.train(params, rows, num_boost_round=rounds)
    registry.folder.mkdir()
    booster.save_model(registry.folder / "1.ubj")
    registry.keys.append("k")
    registry.registered.append({"manifest.json": manifest(end, **more)})


def found(
    registry: Versions, folder: Path, *, as_of: datetime = END - DAY, **train: Any
) -> Base | Skip:
    named = {"version": 1, "as_of": as_of.isoformat()}
    return find_base(
        manifest(base=named), spec_of(**train), VALIDATION, registry=registry, folder=folder
    )


def reason(base: Base | Skip) -> str:
    assert isinstance(base, Skip)
    return base.reason


def test_the_champions_model(registry: Versions, tmp_path: Path) -> None:
    champion(registry)
    base = found(registry, tmp_path / "base")
    assert isinstance(base, Base)
    assert (base.version, base.booster.num_boosted_rounds()) == (1, 3)


def test_the_champions_model_is_asked_for_by_the_ledgers_digest(
    registry: Versions, tmp_path: Path
) -> None:
    champion(registry)
    named = {"version": 1, "as_of": (END - DAY).isoformat()}
    body = manifest(base=named, model_digests={"1": "abc", "2": "def"})
    find_base(body, spec_of(), VALIDATION, registry=registry, folder=tmp_path / "base")
    assert ("model.ubj", "abc") in [asked[1:] for asked in registry.digests_asked]


def test_without_a_champion(registry: Versions, tmp_path: Path) -> None:
    for body in (manifest(), manifest(base=None)):
        base = find_base(body, spec_of(), VALIDATION, registry=registry, folder=tmp_path)
        assert reason(base).startswith("no champion to continue from")


def test_a_champion_of_later_data(registry: Versions, tmp_path: Path) -> None:
    champion(registry)
    later = found(registry, tmp_path, as_of=END + DAY)
    assert reason(later) == (
        "version 1 was trained on data until 2011-04-19T00:00:00+00:00, after this window"
    )
    assert isinstance(found(registry, tmp_path, as_of=END), Base)


def test_a_version_that_the_registry_has_not(registry: Versions, tmp_path: Path) -> None:
    assert reason(found(registry, tmp_path)) == "m has no version 1"


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (("price", "colour"), "version 1 has other features: co_28d, colour"),
        (("price",), "version 1 has other features: co_28d"),
        (FEATURES[::-1], "version 1 has other features: in another order"),
    ],
)
def test_other_features(
    registry: Versions, tmp_path: Path, features: tuple[str, ...], words: str
) -> None:
    champion(registry, features=features)
    assert reason(found(registry, tmp_path)) == words


def test_other_code(registry: Versions, tmp_path: Path) -> None:
    champion(registry, code="d")
    assert (
        reason(found(registry, tmp_path)) == "features.py has changed since version 1 was trained"
    )


def test_too_many_rounds(registry: Versions, tmp_path: Path) -> None:
    champion(registry, rounds=4)
    words = "version 1 has 4 rounds, train.max_piled_rounds is 4"
    assert reason(found(registry, tmp_path, max_piled_rounds=4)) == words
    assert isinstance(found(registry, tmp_path, max_piled_rounds=5), Base)


def test_a_model_that_learned_from_the_validation_rows(registry: Versions, tmp_path: Path) -> None:
    """Its window may end earlier and its training later: `gate.holdout` was another then."""
    late = VALIDATION + timedelta(hours=1)
    champion(registry, trained_until=late.isoformat())
    words = f"version 1 was trained until {late}, into the validation rows from {VALIDATION} on"
    assert reason(found(registry, tmp_path)) == words


def test_a_model_that_was_stopped_on_holdout_rows(registry: Versions, tmp_path: Path) -> None:
    champion(registry, trained_until=VALIDATION.isoformat())
    body = registry.registered[0]["manifest.json"]
    body["spec"]["gate"]["holdout"] = "5d"
    words = f"version 1 was stopped early on rows until {END - 6 * DAY}, into the holdout from "
    assert reason(found(registry, tmp_path)).startswith(words)


def test_until_when_labels_were_seen() -> None:
    assert labels_seen(manifest()) == Cut(train_end=END - 10 * DAY, labels_end=END - 7 * DAY)
    said = manifest(trained_until=(END - 12 * DAY).isoformat())
    assert labels_seen(said).train_end == END - 12 * DAY
    old = manifest()
    old["spec"]["train"]["variants"] = ["full"]  # registered before there were variants
    assert labels_seen(old).train_end == END - 10 * DAY


def test_which_rows_are_recent() -> None:
    names = ("fresh_24h", "recent_7d", "full_28d")
    assert [since_of(name, END) for name in names] == [END - DAY, END - 7 * DAY, None]


def rows(count: int, clicks: int) -> Rows:
    return Rows(
        source=Path(),
        batch_rows=1,
        first=0,
        file_rows=count,
        count=count,
        clicks=clicks,
        mean_weight=1.0,
        since=None,
        decay=None,
    )


@pytest.mark.parametrize(
    ("train", "valid", "words"),
    [
        ((0, 0), (9, 1), "0 training rows, 1,000 are needed"),
        ((999, 10), (9, 1), "999 training rows, 1,000 are needed"),
        ((1_000, 0), (9, 1), "1,000 training rows with 0 clicks"),
        ((1_000, 1_000), (9, 1), "1,000 training rows with 1,000 clicks"),
        ((1_000, 10), (9, 9), "9 validation rows with 9 clicks"),
    ],
)
def test_too_few_rows(train: tuple[int, int], valid: tuple[int, int], words: str) -> None:
    few = too_few(rows(*train), rows(*valid), 1_000)
    assert few == Skip(reason=words)
    assert too_few(rows(1_000, 10), rows(9, 1), 1_000) is None
