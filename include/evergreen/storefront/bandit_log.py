"""The Open Bandit Dataset as a lake: real impressions and clicks of two policies.

Saito, Aihara, Matsutani and Narita 2020, "Open Bandit Dataset and Pipeline". The rows keep the
log's own column names; `columns:` in model.yaml says what they are called here. The log has no page
views (its rows are a sample, so its lists are broken): every row is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import polars as pl

from evergreen.adapters.lake import Lake
from evergreen.domain.errors import SalesLogInvalid
from evergreen.domain.windows import HOUR, Window, floor_hour

Policy = Literal["random", "bts"]
Campaign = Literal["men", "women"]
TIME = "timestamp"
TYPES = {"item_id": pl.String, "position": pl.Int8, "propensity_score": pl.Float32}


@dataclass(frozen=True, slots=True, kw_only=True)
class BanditReport:
    """What was landed; `hours_skipped` were closed before."""

    window: Window
    hours: int
    hours_skipped: int
    impressions: int
    clicks: int


def read_bandit_log(folder: Path, policy: Policy, campaign: Campaign) -> pl.DataFrame:
    """Return a policy's impressions of a campaign, by time, under the log's own names.

    Raises:
        SalesLogInvalid: the file is missing, or lacks what an impression needs.
    """
    path = folder / f"{policy}-{campaign}.csv"
    try:
        rows = pl.read_csv(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SalesLogInvalid(
            f"{path} cannot be read ({str(error).splitlines()[0][:200]}); expected a CSV file of "
            f"the Open Bandit Dataset"
        ) from None
    absent = [name for name in (TIME, "click", *TYPES) if name not in rows.columns]
    if absent:
        raise SalesLogInvalid(
            f"{path} has no column {absent[0]!r}; expected a CSV file of the Open Bandit Dataset"
        )
    return rows.select(
        pl.col(TIME).str.to_datetime(time_unit="us", time_zone="UTC"),
        pl.format(f"{policy}-{campaign}-{{}}", pl.int_range(pl.len())).alias("page_view_id"),
        *(pl.col(name).cast(kind) for name, kind in TYPES.items()),
        (pl.col("click") == 1).alias("click"),
        pl.lit(None, pl.Float32).alias("score"),
        pl.lit("model").alias("source"),
        pl.col("^user-item_affinity_.*$").cast(pl.Float32),
        pl.col("^user_feature_.*$").cast(pl.String),
    ).sort(TIME)


def land_bandit_log(
    rows: pl.DataFrame,
    lake: Lake,
    *,
    version: str,
    shift: timedelta = timedelta(0),
    again: bool = False,
) -> BanditReport:
    """Close every hour from the first row to the last, those without rows too.

    Parameters:
        rows: of `read_bandit_log`.
        version: model version that the rows name.
        shift: added to every time.
        again: land closed hours again; else they are left as they are.
    """
    moved = rows.with_columns(
        pl.col(TIME) + shift, pl.lit(version).alias("model_version")
    ).with_columns(pl.col(TIME).dt.truncate("1h").alias("hour"))
    first, last = moved["hour"].min(), moved["hour"].max()
    window = Window(floor_hour(first), floor_hour(last) + HOUR)  # type: ignore[arg-type]
    closed = set() if again else set(lake.closed_hours("impressions", window))
    hours = [hour for hour in window.hours() if hour not in closed]
    by_hour = moved.partition_by("hour", as_dict=True, include_key=False)
    landed = moved.filter(pl.col("hour").is_in(hours))
    for hour in hours:
        lake.land_hour("impressions", hour, by_hour.get((hour,)))
    return BanditReport(
        window=window,
        hours=len(hours),
        hours_skipped=len(closed),
        impressions=landed.height,
        clicks=int(landed["click"].sum()),
    )
