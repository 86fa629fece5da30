"""What a day's facts are compared with: released versions, their items, the profile that served."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import polars as pl

from evergreen.adapters.engine import engine_of
from evergreen.adapters.facts import Known
from evergreen.adapters.lake import Lake
from evergreen.adapters.ledger import Ledger, Release
from evergreen.adapters.published import Published
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.errors import EvergreenError, ProfileInvalid, PublishRefused
from evergreen.domain.profile import ReferenceProfile
from evergreen.domain.windows import Window
from evergreen.monitor.measure import profile_of

log = logging.getLogger(__name__)

NO_VERSION = "none"  # rows that a shop served before its first champion
SETS_READ = 10  # of the newest releases; older sets show nothing any more
DAY = timedelta(days=1)

Recompute = Callable[[pl.DataFrame], pl.DataFrame]
"""Pairs (context_item_id, item_id) to the same with features; pairs without any are left out."""


def known_of(
    spec: ModelSpec,
    day: datetime,
    *,
    lake: Lake,
    ledger: Ledger,
    published: Published,
    recompute_at: Callable[[Release], Recompute | None],
) -> Known:
    """Return what the facts of a day are compared with.

    The profile is that of the version that served the day's newest impressions, live as in a
    replay: the champion of now may have come to power after the day. Where no such version is
    known, which the facts then tell, it is the champion's.

    Args:
        recompute_at: makes the features of a release's candidates again; None where it cannot.
    """
    releases = ledger.releases(spec.model)
    served = _served_version(spec, day, lake, ledger)
    version = served or (str(releases[-1].version) if releases else None)
    release = next((r for r in reversed(releases) if str(r.version) == version), None)
    return Known(
        versions=_versions(spec, releases),
        items=_items(releases, published),
        profile=_profile(spec.model, version, ledger) if version else None,
        recompute=recompute_at(release) if release else None,
    )


def _served_version(spec: ModelSpec, day: datetime, lake: Lake, ledger: Ledger) -> str | None:
    """Return the version of the day's newest impression, if it has a profile."""
    try:
        version = engine_of(spec, lake).serving_version(Window(day, day + DAY))
    except EvergreenError as error:  # the day is damaged: its facts say how
        log.warning("the version that served %s is not known: %s", day.date(), error)
        return None
    profile = _profile(spec.model, version, ledger) if version else None
    return version if profile else None


def _profile(model: str, version: str, ledger: Ledger) -> ReferenceProfile | None:
    try:
        profile = profile_of(model, version, ledger)
    except ProfileInvalid as error:
        log.warning("facts are not compared with the profile of version %s: %s", version, error)
        return None
    return profile if profile.columns else None


def _versions(spec: ModelSpec, releases: Sequence[Release]) -> frozenset[str] | None:
    """Return the versions that may have served; None of a model that is trained elsewhere."""
    if not spec.train.enabled:
        return None
    return frozenset({NO_VERSION, *(str(release.version) for release in releases)})


def _items(releases: Sequence[Release], published: Published) -> frozenset[str] | None:
    """Return the items of the newest published sets; None where one of them cannot be read."""
    newest = dict.fromkeys(release.version for release in reversed(releases))
    versions = [version for version in list(newest)[:SETS_READ] if published.has(version)]
    try:
        found = [published.items(version) for version in versions]
    except PublishRefused as error:
        log.warning("items are not compared with the published sets: %s", error)
        return None
    return frozenset().union(*found) if found else None
