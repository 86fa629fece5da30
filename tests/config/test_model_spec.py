"""`model.yaml`: defaults, and errors that say file, key, expected and found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from evergreen.config.model_spec import ModelSpec, load_spec, load_specs, model_folders
from evergreen.config.settings import PROJECT
from evergreen.domain.errors import ModelSpecInvalid

LEAST = {"model": "shoes", "description": "Shoes.", "owner": "shop-team"}


def write(tmp_path: Path, body: Any = None, *, folder: str = "shoes", **more: Any) -> Path:
    (tmp_path / folder).mkdir(exist_ok=True)
    text = body if isinstance(body, str) else yaml.safe_dump(body or {**LEAST, **more})
    (tmp_path / folder / "model.yaml").write_text(text)
    return tmp_path / folder


def refused(folder: Path) -> str:
    with pytest.raises(ModelSpecInvalid) as caught:
        load_spec(folder)
    text = str(caught.value)
    assert text.startswith(f"{folder}/model.yaml")
    return text.removeprefix(f"{folder}/model.yaml").removeprefix(": ")


def test_the_defaults(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path))
    assert spec.lake.url is None
    assert spec.lake.attribution_window == timedelta(0)
    assert spec.lake.late_after == timedelta(minutes=20)
    assert spec.monitor.window == timedelta(days=7)
    assert (spec.monitor.confidence, spec.monitor.min_impressions) == (0.999, 2_000)
    assert (spec.monitor.ctr.max_drop, spec.monitor.ctr.floor) == (0.15, None)
    assert spec.monitor.fallback.max_share == 0.10
    assert spec.monitor.trigger.cooldown == timedelta(hours=24)
    assert spec.monitor.trigger.max_retrains_per_day == 2
    assert spec.monitor.trigger.max_model_age == timedelta(days=28)
    assert spec.train.window == spec.train.lookback == timedelta(days=28)
    assert spec.train.variants == ("full_28d", "recent_7d", "fresh_24h")
    assert (spec.gate.holdout, spec.gate.k, spec.gate.metric) == (timedelta(days=7), 5, "ndcg")
    assert (spec.gate.min_gain, spec.gate.confidence, spec.gate.min_page_views) == (0, 0.95, 500)
    assert spec.deploy.approval == "never"
    assert spec.validation.min_hours == 24


def test_what_is_printed_is_read_back(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, train={"window": "14d", "params": {"eta": 0.3}}))
    body = spec.model_dump(mode="json", by_alias=True)
    assert body["train"]["window"] == "14d"
    assert "validate" in body
    assert ModelSpec.model_validate(body) == spec


def test_it_cannot_be_changed(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path))
    with pytest.raises(ValidationError, match="frozen"):
        spec.owner = "me"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"monitr": {}}, "unknown key monitr; did you mean monitor?"),
        ({"validation": {}}, "unknown key validation; did you mean validate?"),
        ({"monitor": {"windows": "7d"}}, "unknown key monitor.windows; did you mean window?"),
        (
            {"monitor": {"ctr": {"maxdrop": 0.1}}},
            "unknown key monitor.ctr.maxdrop; did you mean max_drop?",
        ),
        ({"validate": {"min_hour": 3}}, "unknown key validate.min_hour; did you mean min_hours?"),
        (
            {"monitor": {"trigger": {"cool_down": "1h"}}},
            "unknown key monitor.trigger.cool_down; did you mean cooldown?",
        ),
    ],
)
def test_an_unknown_key_names_the_nearest(tmp_path: Path, body: dict[str, Any], text: str) -> None:
    assert refused(write(tmp_path, **body)) == text


@pytest.mark.parametrize("key", ["model", "description", "owner"])
def test_a_missing_key(tmp_path: Path, key: str) -> None:
    body = {name: value for name, value in LEAST.items() if name != key}
    assert refused(write(tmp_path, body)) == f"{key} is missing"


def test_many_problems_are_counted(tmp_path: Path) -> None:
    assert refused(write(tmp_path, {"model": "shoes"})) == "description is missing (1 more)"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"gate": {"k": "five"}}, ["gate.k: ", "valid integer", "found 'five'"]),
        ({"gate": {"k": 0}}, ["gate.k: ", "greater than or equal to 1", "found '0'"]),
        ({"gate": {"metric": "mrr"}}, ["gate.metric: ", "'ndcg' or 'hit'", "found 'mrr'"]),
        ({"gate": {"confidence": 1}}, ["gate.confidence: ", "less than 1", "found '1'"]),
        (
            {"train": {"window": "28 days"}},
            ["train.window: ", "'28 days' is not a duration; write a number", "24h, 28d"],
        ),
        ({"features": {"numeric": "price"}}, ["features.numeric: ", "tuple", "found 'price'"]),
        ({"monitor": 5}, ["monitor: ", "found '5'"]),
        (
            {"lake": {"engine": "duckdb"}},
            ["lake.engine: ", "expected polars, or an Ibis URL", "found 'duckdb'"],
        ),
        ({"model": "Shoes!"}, ["model: ", "found 'Shoes!'"]),
    ],
)
def test_a_value_of_another_kind(tmp_path: Path, body: dict[str, Any], words: list[str]) -> None:
    text = refused(write(tmp_path, **body))
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    "body",
    [
        {"train": {"window": "36h"}, "gate": {"holdout": "4h"}},
        {"train": {"lookback": "30h"}},
        {"train": {"validation": "12h"}},
        {"train": {"snapshot_every": "6h"}},
        {"gate": {"holdout": "1.5d"}},
    ],
)
def test_windows_are_whole_days(tmp_path: Path, body: dict[str, Any]) -> None:
    body.setdefault("train", {}).setdefault("validation", "0d")
    assert "train's and gate's windows must be whole days" in refused(write(tmp_path, **body))


def test_a_window_without_room_to_train(tmp_path: Path) -> None:
    wanted = "train.window must be longer than train.validation + gate.holdout"
    assert wanted in refused(write(tmp_path, train={"window": "10d"}))
    assert load_spec(write(tmp_path, train={"window": "11d"}))


@pytest.mark.parametrize("engine", ["polars", "duckdb://", "pyspark://local[2]"])
def test_engines(tmp_path: Path, engine: str) -> None:
    assert load_spec(write(tmp_path, lake={"engine": engine})).lake.engine == engine


def test_the_folder_has_another_name(tmp_path: Path) -> None:
    text = refused(write(tmp_path, folder="boots"))
    assert text == "model is 'shoes', but its folder is 'boots'"


@pytest.mark.parametrize("body", ["- a\n- b\n", "just text", "\n"])
def test_no_mapping(tmp_path: Path, body: str) -> None:
    assert "expected a mapping of sections, found " in refused(write(tmp_path, body))


def test_no_yaml(tmp_path: Path) -> None:
    assert refused(write(tmp_path, "a: [1, 2")).startswith(" is not YAML: ")


def test_no_file(tmp_path: Path) -> None:
    assert refused(tmp_path) == "No such file or directory; every model folder needs one"


def test_folders_without_a_model_are_left_out(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, {**LEAST, "model": "boots"}, folder="boots")
    (tmp_path / "notes").mkdir()
    (tmp_path / "README.md").write_text("")
    assert [folder.name for folder in model_folders(tmp_path)] == ["boots", "shoes"]
    assert [spec.model for spec in load_specs(tmp_path)] == ["boots", "shoes"]


def test_no_models_dir(tmp_path: Path) -> None:
    with pytest.raises(ModelSpecInvalid, match="No such file or directory; set EVERGREEN_MODELS_D"):
        model_folders(tmp_path / "nowhere")


def test_the_models_of_this_project_are_right() -> None:
    assert "also_bought" in [spec.model for spec in load_specs(PROJECT / "include" / "models")]
