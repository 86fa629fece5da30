"""Kept work: whole or not there, the first one stays, and a model's code may refuse to share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from quick_shop import DAY, MODEL, OPENED

from evergreen.backtest.cache import Cache, code_version, key_of
from evergreen.backtest.history import History
from evergreen.backtest.shared_code import SharedCode
from evergreen.backtest.workshop import Workshop
from evergreen.config.model_spec import ModelSpec
from evergreen.trainer.model_code import ModelCode, load_code


def test_an_entry_is_whole_or_not_there(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def half() -> None:
        with cache.making("kind", "key") as folder:
            (folder / "half").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert cache.find("kind", "key") is None
    assert not list((tmp_path / "kind").iterdir())
    with cache.making("kind", "key") as folder:
        (folder / "whole").write_text("first")
        assert cache.find("kind", "key") is None
    with cache.making("kind", "key") as folder:
        (folder / "whole").write_text("second")
    assert (tmp_path / "kind" / "key" / "whole").read_text() == "first"


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    gone, alive = tmp_path / "kind" / ".4194999-ab", tmp_path / "kind" / f".{os.getpid()}-ab"
    for folder in (gone, alive):
        folder.mkdir(parents=True)
    Cache(tmp_path).sweep()
    assert (gone.exists(), alive.exists()) == (False, True)


def test_keys_tell_parts_apart() -> None:
    assert key_of(a=1) != key_of(a=2) != key_of(b=2)
    assert code_version() == code_version()


class Forgetful:
    """A model's code that looks at all orders it is given, however old."""

    def __init__(self, code: ModelCode) -> None:
        self.FEATURES, self._code = code.FEATURES, code
        self.popular = code.popular

    def candidates(
        self,
        orders: pl.DataFrame,
        moments: Sequence[datetime],
        *,
        length: int,
        contexts: Mapping[datetime, pl.Series] | None = None,
    ) -> Iterator[tuple[datetime, pl.DataFrame]]:
        for moment, frame in self._code.candidates(
            orders, moments, length=length, contexts=contexts
        ):
            yield moment, frame.with_columns(price=pl.lit(float(orders.height), pl.Float32))


def test_code_that_looks_further_back_is_found_out(
    history: History, models_dir: Path, spec: ModelSpec, kept: Cache
) -> None:
    code = load_code(models_dir, MODEL)
    moments = [OPENED, OPENED + DAY]
    assert SharedCode(code, history, spec, kept, "a").proven(moments)
    assert not SharedCode(Forgetful(code), history, spec, kept, "b").proven(moments)


def test_shared_candidates_are_those_that_a_retraining_would_make(
    history: History, models_dir: Path, spec: ModelSpec, tmp_path: Path
) -> None:
    code = load_code(models_dir, MODEL)
    moments = [OPENED + i * DAY for i in range(3)]
    shared = SharedCode(code, history, spec, Cache(tmp_path), "a")
    orders = history.between(OPENED - spec.train.lookback, moments[-1])
    before = dict(shared.candidates(orders, moments, length=spec.train.candidates))
    shared.make(moments)
    assert len(list((tmp_path / "candidates").iterdir())) == 3
    after = dict(shared.candidates(pl.DataFrame(), moments, length=spec.train.candidates))
    assert all(before[moment].equals(after[moment]) for moment in moments)


def test_a_key_follows_what_the_model_rests_on(
    history: History, make_workshop: Callable[..., Workshop], spec: ModelSpec
) -> None:
    tools = make_workshop(history)
    other = spec.model_copy(update={"train": spec.train.model_copy(update={"seed": 8})})
    monitor = spec.monitor.model_copy(update={"confidence": 0.9})
    same = spec.model_copy(update={"monitor": monitor})
    assert tools.key(OPENED) != make_workshop(history, spec=other).key(OPENED)
    assert tools.key(OPENED) == make_workshop(history, spec=same).key(OPENED)
    assert tools.key(OPENED) != tools.key(OPENED + DAY)
