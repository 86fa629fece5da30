"""`evergreen models add` as people type it: on renamed columns, on the shop, on an empty lake."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result
from made_lake import RENAMED, START, impressions, make_lake, write
from typer.testing import CliRunner

from evergreen.adapters.lake import Lake
from evergreen.cli.root import app
from evergreen.config.model_spec import load_spec
from evergreen.config.settings import PROJECT, settings
from evergreen.domain.errors import (
    ColumnMissing,
    EvergreenError,
    ModelExists,
    ModelSpecInvalid,
    WindowEmpty,
)
from evergreen.domain.windows import Window
from evergreen.onboarding.figures import immature

WORDS = ["--description", "What people see.", "--owner", "shop-team"]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of the models of an installation without any."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("EVERGREEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVERGREEN_MODELS_DIR", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def add(*words: str, answers: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["models", "add", *words], input=answers)
    if isinstance(result.exception, EvergreenError):
        raise result.exception
    return result


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def added(*words: str) -> dict[str, Any]:
    result = add(*words, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake with a shop's own names."""
    return make_lake(tmp_path_factory.mktemp("renamed"), days=7, names=RENAMED)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake with one hour."""
    lake = tmp_path_factory.mktemp("small")
    write(lake, "impressions", START, impressions(START), RENAMED)
    return lake


def test_a_lake_with_other_names_is_understood(models: Path, renamed: Path) -> None:
    said = added("shop", *WORDS, "--lake", str(renamed), "--train", "elsewhere")
    spec = load_spec(models / "shop")
    assert spec.columns == RENAMED == said["columns"]
    assert spec.features.numeric == ("price", "stock")
    assert spec.features.categorical == ("device",)
    assert spec.lake.url == str(renamed)
    assert spec.train.enabled is False
    assert set(said["left_out"]) == {"session", "sent"}
    assert said["figures"]["rows_an_hour"] == 200
    assert 0.09 < said["figures"]["ctr"] < 0.11
    assert said["figures"]["closed_share"] == 1
    assert said["preview"]["requests"] == []
    assert said["preview"]["hours"] == 72
    assert names(models) == ["shop"]
    assert Lake(str(renamed), spec.columns).newest_closed_hour("impressions") is not None


def test_a_dry_run_prints_the_file_and_writes_nothing(models: Path, small: Path) -> None:
    words = ["shop", *WORDS, "--lake", str(small), "--train", "elsewhere", "--no-preview"]
    result = add(*words, "--yes", "--dry-run")
    assert result.exit_code == 0
    assert names(models) == []
    assert result.stdout == added(*words)["yaml"] == (models / "shop" / "model.yaml").read_text()


def test_questions_are_asked_for_what_no_flag_says(models: Path, small: Path) -> None:
    answers = f"shop\nWhat: people # see\n\U0001f43f team\n{small}\nelsewhere\ny\n"
    result = add("--no-preview", answers=answers)
    assert result.exit_code == 0, result.output
    spec = load_spec(models / "shop")
    assert spec.description == "What: people # see"
    assert spec.owner == "\U0001f43f team"


def test_a_no_at_the_end_writes_nothing(models: Path, small: Path) -> None:
    words = ["shop", *WORDS, "--lake", str(small), "--train", "elsewhere", "--no-preview"]
    assert "nothing was written" in add(*words, answers="n\n").output
    assert names(models) == []


@pytest.mark.parametrize(
    "text",
    [
        "a\nowner: mallory",
        "train: {enabled: true}",
        "*x",
        "- a",
        "'",
        '"',
        "yes",
        "null",
        "1e3",
        "",
    ],
)
def test_no_text_becomes_another_key(models: Path, small: Path, text: str) -> None:
    words = [
        "--lake",
        str(small),
        "--train",
        "elsewhere",
        "--no-preview",
        "--slack-channel",
        text,
    ]
    added("shop", "--description", f"{text} ", "--owner", f"{text} o", *words)
    spec = load_spec(models / "shop")
    assert (spec.description, spec.owner) == (f"{text} ", f"{text} o")
    assert spec.slack_channel == text
    assert spec.train.enabled is False


def test_an_existing_model_stays_without_force(models: Path, small: Path) -> None:
    words = ["shop", *WORDS, "--lake", str(small), "--train", "elsewhere", "--no-preview"]
    added(*words)
    with pytest.raises(ModelExists, match="--force"):
        added(*words)
    added(*words, "--force")


def test_an_empty_lake_says_what_was_looked_for(models: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    words = ["shop", *WORDS, "--lake", str(lake)]
    with pytest.raises(WindowEmpty, match="no folder impressions: it is empty, or not there"):
        added(*words)
    (lake / "events").mkdir(parents=True)
    with pytest.raises(WindowEmpty, match="no folder impressions: it has events"):
        added(*words)
    (lake / "impressions" / "date=2025-03-03").mkdir(parents=True)
    with pytest.raises(WindowEmpty, match=r"no folder hour=.*, but date=2025-03-03"):
        added(*words)
    write(lake, "impressions", START, impressions(START))
    (lake / "impressions" / "hour=2025-03-03T00" / "_SUCCESS").unlink()
    with pytest.raises(WindowEmpty, match="has 1 hours, and none is closed: write _SUCCESS"):
        added(*words)
    assert names(models) == []


def test_hours_without_rows_are_no_lake(models: Path, tmp_path: Path) -> None:
    Lake(str(tmp_path / "lake")).land_hour("impressions", START, None)
    with pytest.raises(WindowEmpty, match=r"1 closed hours .*, and none has a row"):
        added("shop", *WORDS, "--lake", str(tmp_path / "lake"))


def test_columns_that_nothing_fits_are_all_named(models: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    frame = impressions(START).rename({"clicked": "bought_it", "position": "nth"})
    write(lake, "impressions", START, frame)
    words = ["shop", *WORDS, "--lake", str(lake), "--train", "elsewhere", "--no-preview"]
    with pytest.raises(ColumnMissing, match=r"lacks 2 .*impressions\.position \(Int8\).*clicked"):
        added(*words)
    said = added(*words, "--column", "clicked=bought_it", "--column", "position=nth")
    assert said["columns"] == {"clicked": "bought_it", "position": "nth"}
    with pytest.raises(ColumnMissing, match="the lake has no column nowhere; it has:"):
        added(*words, "--force", "--column", "clicked=nowhere")
    with pytest.raises(ColumnMissing, match="Evergreen has no column klick; it has:"):
        added(*words, "--force", "--column", "klick=bought_it")


def test_training_here_needs_orders(models: Path, small: Path) -> None:
    with pytest.raises(ColumnMissing, match="orders: there are no closed hours with rows"):
        added("shop", *WORDS, "--lake", str(small), "--train", "here")


def test_orders_must_be_called_as_impressions_are(models: Path, tmp_path: Path) -> None:
    """`columns:` holds for both tables, so one name cannot stand for two things."""
    lake = tmp_path / "lake"
    write(lake, "impressions", START, impressions(START), {"event_time": "ts"})
    orders = pl.DataFrame(
        {
            "ts": pl.Series([START], dtype=pl.Datetime("us", "UTC")),
            "basket": ["b"],
            "sku": ["a"],
            "qty": [1],
            "price": [1.0],
        }
    )
    write(lake, "orders", START, orders)
    words = ["shop", *WORDS, "--lake", str(lake), "--no-preview"]
    both = "orders.order_time and impressions.event_time are both called ts"
    other = "orders.item_id is called sku, and impressions.item_id item_id"
    with pytest.raises(ColumnMissing, match=f"lacks 2 .*{both}; {other}"):
        added(*words, "--train", "here")
    said = added(*words, "--train", "elsewhere")
    assert said["columns"] == {"event_time": "ts"}
    assert any(note.startswith("orders are left alone") for note in said["notes"])


def orders(**more: Any) -> pl.DataFrame:
    """Return an order line whose price is called as a feature of the impressions is."""
    body = {"order_id": ["b"], "item_id": ["a"], "quantity": [1], "price": [1.0], **more}
    moment = pl.Series([START], dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame(body).with_columns(order_time=moment)


def test_a_feature_that_orders_rename_has_that_name_too(models: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    write(lake, "impressions", START, impressions(START))
    write(lake, "orders", START, orders())
    said = added("shop", *WORDS, "--lake", str(lake), "--train", "elsewhere", "--no-preview")
    assert said["columns"] == {"unit_price": "price"}
    assert said["numeric"] == ["unit_price", "stock"]
    read = Lake(str(lake), said["columns"]).read("impressions", Window.of_hour(START))
    assert {*said["numeric"], *said["categorical"]} <= set(read.columns)


def test_two_columns_of_one_name_are_refused(models: Path, tmp_path: Path) -> None:
    """`unit_price: price` would make two columns unit_price of the impressions."""
    lake = tmp_path / "lake"
    both = impressions(START).with_columns(unit_price=pl.lit(1.0))
    write(lake, "impressions", START, both)
    write(lake, "orders", START, orders())
    words = ["shop", *WORDS, "--lake", str(lake), "--no-preview"]
    said = "impressions have price and unit_price, and price is to be read as unit_price"
    with pytest.raises(ColumnMissing, match=said):
        added(*words, "--train", "here")
    watched = added(*words, "--train", "elsewhere")
    assert watched["columns"] == {}
    assert "price" in watched["numeric"]
    assert "unit_price" in watched["numeric"]


@pytest.mark.parametrize("name", ["../evil", "/etc/x", "Shop", "", "a b", "x" * 64, "a\n"])
def test_a_name_that_is_no_folder_is_refused(models: Path, small: Path, name: str) -> None:
    with pytest.raises(ModelSpecInvalid, match=r"cannot be a model's name|name is missing"):
        added(name, *WORDS, "--lake", str(small))


def test_credentials_do_not_get_into_a_file(models: Path) -> None:
    with pytest.raises(ModelSpecInvalid, match="no place for credentials") as refused:
        added("shop", *WORDS, "--lake", "s3://ann:secret@host/lake")
    assert "secret@" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--owner", "o"], "--description is missing, and with --yes nothing is asked"),
        ([*WORDS, "--train", "there"], "expected here or elsewhere"),
        ([*WORDS, "--attribution-window", "soon"], "is not a duration"),
        ([*WORDS, "--column", "item_id"], "expected NAME=OWN"),
    ],
)
def test_flags_that_say_nothing_are_refused(models: Path, words: list[str], said: str) -> None:
    with pytest.raises(ModelSpecInvalid, match=said):
        add("shop", *words, "--yes")


def test_the_installation_s_own_lake_is_not_written_down(models: Path, small: Path) -> None:
    (settings().home / "lake").mkdir(parents=True)
    (settings().home / "lake" / "shop").symlink_to(small)
    added("shop", *WORDS, "--train", "elsewhere", "--no-preview")
    assert load_spec(models / "shop").lake.url is None


def test_the_shop_s_lake_gives_a_model_that_can_be_trained(models: Path) -> None:
    runner, example = CliRunner(), PROJECT / "include" / "models" / "also_bought"
    shutil.copytree(example, models / "also_bought")  # whose lake the shop plays into
    for words in (["import", "--builtin"], ["play", "--to", "2025-01-16"]):
        done = runner.invoke(app, ["storefront", *words])
        assert done.exit_code == 0, done.output
    lake = settings().lake_root("also_bought")
    said = added("my_shop", *WORDS, "--lake", lake, "--train", "here")
    spec = load_spec(models / "my_shop")
    assert spec.train.enabled
    assert "co_28d" in spec.features.numeric
    assert spec.columns == {}
    assert said["figures"]["closed_share"] == 1
    assert (
        (models / "my_shop" / "features.py")
        .read_text()
        .endswith((PROJECT / "include/models/also_bought/features.py").read_text())
    )
    asked = said["preview"]["requests"]  # nobody trained a champion: all lists are popularity's
    assert asked
    assert "fallback: 100.0% of impressions are fallback" in asked[0]


@pytest.mark.data
def test_a_public_log_of_another_shop(models: Path) -> None:
    log = PROJECT.parent / "shared" / "data" / "open_bandit"
    if not log.is_dir():
        pytest.skip(f"{log} is not here")
    from evergreen.storefront.bandit_log import land_bandit_log, read_bandit_log

    columns = {"event_time": "timestamp", "clicked": "click", "propensity": "propensity_score"}
    url = str(settings().home / "log")
    for week, policy in enumerate(("random", "bts")):
        rows = read_bandit_log(log, policy, "men")  # type: ignore[arg-type]
        land_bandit_log(rows, Lake(url, columns), version="v", shift=week * timedelta(days=7))
    said = added("news", *WORDS, "--lake", url, "--train", "elsewhere")
    assert said["columns"] == columns
    assert len(said["numeric"]) == 34
    assert said["categorical"] == [f"user_feature_{n}" for n in range(4)]
    first = said["preview"]["requests"][0]  # the other policy begins on 1 December
    assert first.startswith("2019-12-01T05 drift: drifted: item_id")
    spec = load_spec(models / "news")
    assert spec.monitor.drift.outputs == ("item_id",)


def test_the_hours_whose_clicks_are_not_all_known_yet() -> None:
    hours = [datetime(2025, 3, 3, h, tzinfo=UTC) for h in range(4)]
    shares = dict(zip(hours, (1.0, 1.0, 0.7, 0.2), strict=True))
    assert immature(shares) == 2
    assert immature(dict.fromkeys(hours, 1.0)) == 0
    assert immature(dict.fromkeys(hours, 0.5)) is None


def test_an_immature_newest_hour_is_proposed_as_the_attribution_window(
    models: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    for number in range(6):
        hour = START + timedelta(hours=number)
        frame = impressions(hour)
        if number >= 4:
            frame = frame.with_columns(clicked=pl.lit(None, dtype=pl.Boolean))
        write(lake, "impressions", hour, frame)
    said = added("shop", *WORDS, "--lake", str(lake), "--train", "elsewhere")
    assert load_spec(models / "shop").lake.attribution_window == timedelta(hours=2)
    assert said["no_preview"] == "0 days of impressions, six are needed"
