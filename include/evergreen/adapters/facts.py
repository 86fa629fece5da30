"""Facts of the lake's hours: the small frames that validation judges instead of millions of rows.

One row an hour, or an hour and feature, then one of the whole day; what does not apply is null. An
hour that cannot be read is a row that says so, and the other hours go on. Files are read once, an
hour at a time: memory grows with the rows of an hour (about 60 bytes each) and with the ids of two
days (8 bytes a page view, 12 a user), not with the rows of a day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from evergreen.adapters.facts_day_sample import DaySample
from evergreen.adapters.facts_failing import failing_rows, hashed_users
from evergreen.adapters.facts_features import feature_facts, total_of
from evergreen.adapters.facts_hour import HourFound, read_hours
from evergreen.adapters.facts_hours import Hour, hours_of
from evergreen.adapters.facts_impressions import impression_facts, views_of_hours
from evergreen.adapters.facts_orders import OrdersFound, facts_of_orders, history_before
from evergreen.adapters.facts_read import Question
from evergreen.adapters.facts_rows import Compared
from evergreen.adapters.facts_sample import areas
from evergreen.adapters.facts_skew import skews
from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.bins import Bins, LevelBins, NumericBins
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.quality import DAY_SCOPE
from evergreen.domain.windows import Window

__all__ = ["DayFacts", "Known", "day_facts", "failing_rows", "order_facts"]

BEFORE = timedelta(hours=24)
"""How far before a day page views may not be repeated from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the facts of a day are compared with; None where that is not known.

    Parameters:
        versions: the model versions that may serve.
        items: items that may be shown, beyond those of the orders of the day and 28 days before.
        profile: of the version whose rows are judged.
        recompute: pairs (context_item_id, item_id) to the same with features, as they should have
            been served; pairs that cannot be recomputed are left out.
    """

    versions: frozenset[str] | None = None
    items: frozenset[str] | None = None
    profile: ReferenceProfile | None = None
    recompute: Callable[[pl.DataFrame], pl.DataFrame] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """The frames that the suites of these names are about.

    Parameters:
        orders: None where the lake has no orders at all.
        rows: at most 10,000 of the day's impressions, a plain sample; user ids are hashed.
    """

    impressions: pl.DataFrame
    orders: pl.DataFrame | None
    features: pl.DataFrame
    rows: pl.DataFrame


def day_facts(lake: Lake, spec: ModelSpec, day: Window, known: Known) -> DayFacts:
    """Return the facts of a day, or of any window of whole hours.

    Raises:
        LakeUnreachable: the lake cannot be read now.
    """
    orders = _orders(lake, day)
    hours = hours_of(lake, "impressions", day)
    question = _question(lake, spec, hours, known, orders)
    found = read_hours(lake, hours, question)
    baseline = known.profile.ctr if known.profile else None
    sample = DaySample.of(found, question.feature_types)
    return DayFacts(
        impressions=impression_facts(
            found,
            views_of_hours(lake, Window(day.start - BEFORE, day.start)),
            rate=baseline.rate if baseline else None,
            versions_known=question.compared.versions is not None,
            items_known=question.compared.items is not None,
        ),
        orders=orders.facts if orders else None,
        features=_features(found, sample, question, known),
        rows=hashed_users(sample.plain(), spec.model),
    )


def order_facts(lake: Lake, window: Window) -> pl.DataFrame:
    """Return the facts of a window's orders, of a day or of weeks.

    Raises:
        LakeUnreachable: the lake cannot be read now.
    """
    return facts_of_orders(lake, window, history_before(lake, window)).facts


def _orders(lake: Lake, day: Window) -> OrdersFound | None:
    if not lake.files.list("orders"):
        return None
    return facts_of_orders(lake, day, history_before(lake, day))


def _question(
    lake: Lake, spec: ModelSpec, hours: Sequence[Hour], known: Known, orders: OrdersFound | None
) -> Question:
    columns = known.profile.columns if known.profile else {}
    features: dict[str, Bins] = {name: NumericBins(edges=()) for name in spec.features.numeric}
    features |= {name: LevelBins(groups=()) for name in spec.features.categorical}
    features = {n: columns[n].bins if n in columns else bins for n, bins in features.items()}
    newest = lake.newest_closed_hour("impressions")  # as late as it must be by now
    return Question(
        features=features,
        compared=Compared(
            version=known.profile.model_version or None if known.profile else None,
            versions=known.versions,
            items=_items(known, orders),
        ),
        mature_before=spec.lake.mature_end(newest or hours[0].hour),
        day_rows=sum(hour.closing.rows for hour in hours if hour.closing),
    )


def _items(known: Known, orders: OrdersFound | None) -> pl.Series | None:
    """Return the hashes of the items that may be shown, None when there are none to compare."""
    named = pl.Series(sorted(known.items or ()), dtype=pl.String).hash()
    items = pl.concat([named, orders.items]) if orders else named
    return items.unique() if items.len() else None


def _features(
    hours: Sequence[HourFound], day: DaySample, question: Question, known: Known
) -> pl.DataFrame:
    tallies = {hour.counts["scope"]: hour.features for hour in hours}
    found = {hour.counts["scope"]: hour.areas for hour in hours}
    found[DAY_SCOPE] = areas(day.rows, day.of_rows, question.feature_types)
    return feature_facts(
        {**tallies, DAY_SCOPE: total_of(tallies.values())},
        known.profile.columns if known.profile else {},
        found,
        skews(day, known.recompute, question.feature_types) if known.recompute else {},
    )
