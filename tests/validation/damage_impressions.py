"""Damage to page views and clicks: what was shown, where, to whom, by which model."""

from __future__ import annotations

import shutil
from dataclasses import replace

import polars as pl
from damage import ERROR, WARNING, Damage
from damage_files import of_any_table, some_null
from damaged_lake import DAY, DamagedLake, Edit

BOT_PAGE_VIEWS = 10_000
VIEW = pl.col("page_view_id")
IN_TEN = VIEW.hash(seed=7) % 10
"""0 to 9 by page view, the same for all of its rows."""


def of_impressions() -> list[Damage]:
    """Return the damage to impressions, of the shop and of the logged policy."""
    return [*of_any_table("impressions"), *_ids(), *_clicks(), *_served(), *_propensities()]


def rows(name: str, fact: str, edit: Edit) -> Damage:
    """Return damage to the rows of one busy hour of the shop."""
    return Damage(
        name=name,
        table="impressions",
        plant=lambda lake: lake.edit("impressions", edit),
        caught_by=("impressions", fact),
    )


def put(column: str, value: pl.Expr, where: pl.Expr | None = None) -> Edit:
    """Return what sets a column, everywhere or where a condition holds, and keeps its type."""

    def edit(frame: pl.DataFrame) -> pl.DataFrame:
        changed = value if where is None else pl.when(where).then(value).otherwise(pl.col(column))
        return frame.with_columns(changed.cast(frame.schema[column]).alias(column))

    return edit


def _ids() -> list[Damage]:
    return [
        rows(
            "score as text", "contract", lambda f: f.with_columns(pl.col("score").cast(pl.String))
        ),
        rows("page view lost in some rows", "null_ids", some_null("page_view_id")),
        rows("item and page view swapped", "unseen_items", swap),
        Damage(
            name="the file landed twice",
            table="impressions",
            plant=copy_file,
            caught_by=("impressions", "duplicate_positions"),
        ),
        rows(
            "some page views twice",
            "duplicate_positions",
            lambda f: pl.concat([f, f.filter(IN_TEN == 0)]),
        ),
        rows("same item twice on a page", "repeated_items", repeat_item),
        rows("positions from 0", "position_gaps", put("position", pl.col("position") - 1)),
        rows(
            "second row of each page lost",
            "position_gaps",
            lambda frame: frame.filter(pl.col("position") != 2),
        ),
        Damage(
            name="yesterday's hour copied",
            table="impressions",
            plant=lambda lake: lake.edit("impressions", yesterdays(lake)),
            caught_by=("impressions", "outside_hour"),
        ),
        Damage(
            name="yesterday's hour with today's times",
            table="impressions",
            plant=lambda lake: lake.edit("impressions", restamped(yesterdays(lake), "event_time")),
            caught_by=("impressions", "repeated_page_views"),
        ),
        rows(
            "all events in one second",
            "seconds",
            put("event_time", pl.col("event_time").min()),
        ),
        Damage(
            name="nine page views of ten lost all day",
            table="impressions",
            plant=lambda lake: lake.edit(
                "impressions", lambda frame: frame.filter(IN_TEN == 0), lake.whole_day()
            ),
            caught_by=("impressions", "row_ratio"),
            severity=WARNING,
            scope="day",
            day="usual",
        ),
    ]


def _clicks() -> list[Damage]:
    unshown = pl.col("clicked") & (IN_TEN == 0)
    return [
        rows(
            "clicked without an impression",
            "clicked_unshown",
            put("position", pl.lit(None), unshown),
        ),
        rows("all clicked", "ctr", put("clicked", pl.lit(True))),
        replace(
            rows("none clicked", "ctr_ratio", put("clicked", pl.lit(False))), severity=WARNING
        ),  # of an hour that may be chance, or a stale champion; of the whole day it is an error
        rows("clicks not known in a mature hour", "unlabelled", put("clicked", pl.lit(None))),
    ]


def _served() -> list[Damage]:
    user = pl.col("user_id")
    return [
        rows("unknown model version", "unknown_versions", put("model_version", pl.lit("canary"))),
        rows("unknown source", "unknown_source", put("source", pl.lit("cache"), IN_TEN == 0)),
        rows(
            "items that nobody sells",
            "unseen_items",
            put("item_id", pl.format("new-{}", "item_id"), IN_TEN < 3),
        ),
        Damage(
            name="half of the users missing all day",
            table="impressions",
            plant=lambda lake: lake.edit(
                "impressions",
                put("user_id", pl.lit(None), user.hash(seed=7) % 2 == 0),
                lake.whole_day(),
            ),
            caught_by=("impressions", "user_missing"),
            severity=WARNING,
            scope="day",
        ),
        rows("bot: one user, thousands of page views", "top_user_page_views", add_bot),
        rows("score NaN", "score_missing", put("score", pl.lit(float("nan")))),
        rows("score constant", "score_constant", put("score", pl.lit(0.5))),
    ]


def _propensities() -> list[Damage]:
    propensity = pl.col("propensity")
    return [
        policy("propensity 0", "propensity_outside", pl.lit(0.0), some=True),
        policy("propensity 2", "propensity_outside", pl.lit(2.0), some=True),
        policy("propensity NaN", "propensity_outside", pl.lit(float("nan")), some=True),
        policy(
            "propensity lost in a third of the rows", "propensity_missing", pl.lit(None), some=True
        ),
        policy(
            "propensities 100 times smaller", "inverse_propensity", propensity / 100, some=False
        ),
    ]


def policy(name: str, fact: str, value: pl.Expr, *, some: bool) -> Damage:
    """Return damage to a policy's propensities: in a third of one hour, or all day."""
    edit = put("propensity", value, IN_TEN < 3 if some else None)
    return Damage(
        name=name,
        table="impressions",
        plant=lambda lake: lake.edit("impressions", edit, None if some else lake.whole_day()),
        caught_by=("impressions", fact),
        severity=ERROR if some else WARNING,
        scope="hour" if some else "day",
        model="open_bandit",
    )


def swap(frame: pl.DataFrame) -> pl.DataFrame:
    """Exchange the ids of items and page views."""
    names = {"item_id": "page_view_id", "page_view_id": "item_id"}
    return frame.rename(names).select(frame.columns)


def copy_file(lake: DamagedLake) -> None:
    """Put a second copy of the file into the hour, closed with both."""
    path = lake.file("impressions")
    second = path.with_name(path.name.replace("-0.", "-1."))
    shutil.copyfile(path, second)
    height = lake.rows("impressions").height
    lake.close("impressions", lake.hour, {path.name: height, second.name: height})


def repeat_item(frame: pl.DataFrame) -> pl.DataFrame:
    """Show the first item of a tenth of the pages at the second position too."""
    first = pl.col("item_id").filter(pl.col("position") == 1).first().over("page_view_id")
    return put("item_id", first, (pl.col("position") == 2) & (IN_TEN == 0))(frame)


def yesterdays(lake: DamagedLake) -> Edit:
    """Return what puts the rows of the same hour of the day before in the hour's place."""
    return lambda frame: lake.rows("impressions", lake.yesterday).select(frame.columns)


def restamped(edit: Edit, time: str) -> Edit:
    """Return an edit whose rows are then moved to the next day."""
    return lambda frame: edit(frame).with_columns(pl.col(time) + DAY)


def add_bot(frame: pl.DataFrame) -> pl.DataFrame:
    """Append page views of one user that look like those of others."""
    pages = frame.filter(VIEW.is_in(VIEW.unique(maintain_order=True).head(100).implode()))
    parts = [
        pages.with_columns(
            pl.lit("bot").alias("user_id"),
            pl.format("bot-{}-{}", pl.lit(n), "page_view_id").alias("page_view_id"),
        )
        for n in range(BOT_PAGE_VIEWS // 100)
    ]
    return pl.concat([frame, *parts])
