"""Step `build_dataset`: from the frozen window's files to rows to learn from and to be judged on.

The window is cut by time: training, then validation (early stopping), then the holdout, which no
training row and no label reaches into. A shop may be closed for days, so validation is at least the
newest tenth of the page views before the holdout. Every page view sees candidates and features of
a moment before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np
import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.adapters.lists import catalogue, codes_of
from evergreen.config.model_spec import ModelSpec
from evergreen.config.settings import Settings
from evergreen.domain.errors import FeatureInvalid, ManifestInvalid, ModelSpecInvalid, WindowEmpty
from evergreen.domain.serving import BasketIndex
from evergreen.trainer.left_out import TABLE
from evergreen.trainer.manifest import RunDir, StepOutput
from evergreen.trainer.model_code import ModelCode, code_digest, load_code
from evergreen.trainer.progress import say
from evergreen.trainer.row_writer import RowWriter

STEP = "build_dataset"
MIN_VALIDATION_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Where a window is cut: train `[start, validation)`, `[validation, holdout)`, `[.., end)`."""

    start: datetime
    validation: datetime
    holdout: datetime
    end: datetime

    @classmethod
    def of(cls, manifest: dict[str, Any], spec: ModelSpec) -> Split:
        """Return the cuts of a frozen window."""
        start, end = (datetime.fromisoformat(manifest["window"][k]) for k in ("start", "end"))
        holdout = end - spec.gate.holdout
        return cls(
            start=start, validation=holdout - spec.train.validation, holdout=holdout, end=end
        )

    def moments(self, every: timedelta) -> list[datetime]:
        """Return when training rows take their features, oldest first."""
        count = -(-(self.holdout - self.start) // every)
        return [self.start + i * every for i in range(count)]


def build_dataset(run_dir: str, settings: Settings) -> dict[str, Any]:
    """Write `train`, `valid`, and the candidates of the holdout and of now, as Parquet.

    `train` and `valid` are in the order of `event_time`, which is no feature.

    Raises:
        ManifestInvalid: the model's code is not the one that the window was frozen with.
        WindowEmpty: no page view to learn from, or none to be judged on.
        FeatureInvalid: a feature is infinite, or missing in every row.
    """
    run = RunDir(run_dir)
    manifest = run.manifest()
    with run.running(STEP) as output:
        if output is not None:
            spec = run.spec()
            code = _frozen_code(manifest, spec, settings)
            paths = [file["path"] for file in manifest["files"]]
            say(f"reading {len(paths):,} files")
            orders = Lake(manifest["lake"], spec.columns).read_files(TABLE, paths)
            _write(output, with_line(orders), Split.of(manifest, spec), spec, code)
    return run.require(STEP)


def with_line(orders: pl.DataFrame) -> pl.DataFrame:
    """Return orders with `line`, each row's place in its order, where the lake has none."""
    if "line" in orders.columns:
        return orders
    return orders.with_columns(line=pl.int_range(pl.len(), dtype=pl.Int32).over("order_id"))


def _frozen_code(manifest: dict[str, Any], spec: ModelSpec, settings: Settings) -> ModelCode:
    if code_digest(settings.models_dir, spec.model) != manifest["code"]:
        raise ManifestInvalid(
            f"features.py of {spec.model} changed since run {manifest['run_key']} was frozen; "
            f"start the retraining again, it becomes a new run"
        )
    code = load_code(settings.models_dir, spec.model)
    unknown = [name for name in spec.features.names if name not in code.FEATURES]
    if unknown:
        raise ModelSpecInvalid(
            f"{spec.model}: features.py makes no feature {unknown[0]!r}; it makes "
            f"{', '.join(code.FEATURES)}"
        )
    return code


def _write(
    output: StepOutput, orders: pl.DataFrame, split: Split, spec: ModelSpec, code: ModelCode
) -> None:
    train, valid = (
        RowWriter(output.folder / f"{name}.parquet", group_rows=spec.train.batch_rows)
        for name in ("train", "valid")
    )

    def keep(name: str, frame: pl.DataFrame) -> None:
        frame.write_parquet(output.folder / f"{name}.parquet")

    with train, valid:
        output.result |= make_dataset(
            orders, split, spec, code, train=train, valid=valid, keep=keep
        )


class RowSink(Protocol):
    """What takes labelled rows as they are made; `rows` are those so far."""

    rows: int

    def add(self, rows: pl.DataFrame) -> None:
        """Take more rows."""


def make_dataset(
    orders: pl.DataFrame,
    split: Split,
    spec: ModelSpec,
    code: ModelCode,
    *,
    train: RowSink,
    valid: RowSink,
    keep: Callable[[str, pl.DataFrame], None],
) -> dict[str, Any]:
    """Make the rows to learn from and the tables to be judged on; return what the step tells.

    Parameters:
        orders: lines of `[split.start - train.lookback, split.end)`, with `line`.
        code: the model's; makes the candidates.
        train, valid: take the labelled rows, in the order of `event_time`.
        keep: takes every other table with its name.

    Raises:
        WindowEmpty: no page view to learn from, or none to be judged on.
        FeatureInvalid: a feature is infinite, or missing in every row.
    """
    before = orders.filter(pl.col("order_time") < split.holdout)
    holdout = orders.filter(pl.col("order_time").is_between(split.holdout, split.end, "left"))
    views = _sample(before.filter(pl.col("order_time") >= split.start), spec)
    if not views.height or not holdout.height:
        raise WindowEmpty(
            f"{views.height:,} page views to learn from in [{split.start}, {split.holdout}) and "
            f"{holdout.height:,} to be judged on until {split.end}; both are needed"
        )
    moments = split.moments(spec.train.snapshot_every)
    views = views.with_columns(moment=_moment_of(views["order_time"], moments)).sort(
        "order_time", maintain_order=True
    )
    contexts = {m: views.filter(pl.col("moment") == m)["item_id"] for m in moments}
    index, checked = _Labels(before), FeatureCheck(spec.features.names)
    start = _validation_start(views["order_time"], split)
    wanted = [*moments, split.holdout, split.end]
    made = code.candidates(orders, wanted, length=spec.train.candidates, contexts=contexts)
    is_train = pl.col("event_time") < start
    for i, (moment, candidates) in enumerate(made):
        say(f"candidates of {moment:%Y-%m-%d %H:%M}", done=i + 1, total=len(wanted))
        if moment in contexts:
            rows = index.label(views.filter(pl.col("moment") == moment), candidates)
            checked.add(rows)
            train.add(rows.filter(is_train))
            valid.add(rows.filter(~is_train))
        else:
            name = "holdout_candidates" if moment == split.holdout else "publish_candidates"
            keep(name, candidates)
    checked.finish()
    for name, moment in (("holdout_popular", split.holdout), ("publish_popular", split.end)):
        keep(name, code.popular(orders, moment, length=100))
    keep("holdout_orders", holdout)
    window = orders.filter(pl.col("order_time").is_between(split.start, split.end, "left"))
    keep("window_orders", window.select("order_time", "order_id", "line", "item_id"))
    return {
        "page_views": views.height,
        "train_rows": train.rows,
        "valid_rows": valid.rows,
        "positives": index.positives,
        "validation_start": start.isoformat(),
        "holdout_page_views": holdout.height,
        "as_of": split.end.isoformat(),
        "holdout_start": split.holdout.isoformat(),
    }


def _validation_start(times: pl.Series, split: Split) -> datetime:
    """Return where validation begins: `times` are those of the page views, rising, [N]."""
    newest_tenth: datetime = times[int(times.len() * (1 - MIN_VALIDATION_SHARE))]
    return min(split.validation, newest_tenth)


class FeatureCheck:
    """Whether features can be learned from, part by part; single missing values are fine."""

    def __init__(self, features: tuple[str, ...]) -> None:
        self._rows, self._missing = 0, dict.fromkeys(features, 0)

    def add(self, rows: pl.DataFrame) -> None:
        """Look at more rows.

        Raises:
            FeatureInvalid: a value is infinite.
        """
        self._rows += rows.height
        for name in self._missing:
            column = rows[name].fill_nan(None)
            if column.is_infinite().any():
                raise FeatureInvalid(f"feature {name!r} holds infinite values; mend features.py")
            self._missing[name] += column.null_count()

    def finish(self) -> None:
        """Judge all rows together.

        Raises:
            FeatureInvalid: a feature is missing (null or NaN) in every row.
        """
        for name, missing in self._missing.items():
            if self._rows and missing == self._rows:
                raise FeatureInvalid(f"feature {name!r} is missing (null or NaN) in every row")


def _sample(views: pl.DataFrame, spec: ModelSpec) -> pl.DataFrame:
    if views.height <= spec.train.max_page_views:
        return views
    rng = np.random.default_rng(spec.train.seed)
    return views[np.sort(rng.choice(views.height, spec.train.max_page_views, replace=False))]


def _moment_of(times: pl.Series, moments: list[datetime]) -> pl.Series:
    """Return for each time the latest moment that is not after it."""
    grid = pl.Series("moment", moments, dtype=times.dtype)
    at = np.searchsorted(grid.to_physical().to_numpy(), times.to_physical().to_numpy(), "right")
    return grid[at - 1]


class _Labels:
    """Labels candidates of page views: does the basket get the item on a later line?"""

    def __init__(self, orders: pl.DataFrame) -> None:
        self.positives = 0
        self._baskets = catalogue([orders["order_id"]])
        self._items = catalogue([orders["item_id"]])
        self._sizes = orders.group_by("order_id").len("size")
        self._index = BasketIndex.of(
            codes_of(orders["order_id"], self._baskets),
            codes_of(orders["item_id"], self._items),
            orders["line"].to_numpy(),
            n_items=self._items.len(),
        )

    def label(self, views: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return one row a page view and candidate that is not in the basket yet.

        `weight` is 1 over the basket's lines: every basket counts alike, since otherwise a few
        wholesale orders of 500 lines, which go through everything, are half of all rows.
        """
        rows = views.select("order_id", "line", "item_id", event_time="order_time").join(
            candidates,
            left_on="item_id",
            right_on="context_item_id",
            how="inner",
            maintain_order="left_right",
            suffix="_candidate",
        )
        first = self._index.first_line(
            codes_of(rows["order_id"], self._baskets),
            codes_of(rows["item_id_candidate"], self._items),
        )
        line = rows["line"].cast(pl.Int64).to_numpy()
        labelled = rows.with_columns(label=pl.Series((first > line).astype(np.int8)))
        features = candidates.columns[2:]
        self.positives += int(labelled["label"].sum())
        return (
            labelled.filter(pl.Series((first < 0) | (first > line)))
            .join(self._sizes, on="order_id", how="left", maintain_order="left")
            .select("event_time", "label", *features, weight=(1 / pl.col("size")).cast(pl.Float32))
        )
