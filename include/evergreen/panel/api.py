"""The panel's JSON interface: `/evergreen/api/…`. It reads; nothing can be changed through it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import APIRouter, Depends, HTTPException, Query

from evergreen.adapters.backtests import Backtests
from evergreen.adapters.installation import spec_of
from evergreen.config.model_spec import model_folders
from evergreen.config.settings import settings
from evergreen.domain.errors import (
    BacktestUnreadable,
    ModelSpecInvalid,
    ProfileInvalid,
    WindowEmpty,
    WindowInvalid,
)
from evergreen.domain.windows import parse_hour
from evergreen.monitor.distribution import Distribution, distribution, newest_drift_hour
from evergreen.monitor.model_page import Days, model_page
from evergreen.monitor.status import broken
from evergreen.monitor.statuses import UNREADABLE, statuses
from evergreen.panel.access import WatchedModel, logged_in
from evergreen.panel.answers import (
    BacktestAnswer,
    BacktestsAnswer,
    ErrorAnswer,
    Links,
    ModelAnswer,
    OverviewAnswer,
)
from evergreen.panel.ledgers import ledger
from evergreen.panel.rights import WATCHED, forms, visible

User = Annotated[BaseUser, Depends(logged_in)]
Hour = Annotated[str | None, Query(pattern=r"^\d{4}-\d\d-\d\dT\d\d$")]
Column = Annotated[str, Query(min_length=1, max_length=200)]
log = logging.getLogger(__name__)

UNREACHABLE: dict[int | str, Any] = {503: {"model": ErrorAnswer}, 404: {"model": ErrorAnswer}}

router = APIRouter(prefix="/api", responses=UNREACHABLE)


@router.get("/models")
def overview(user: User) -> OverviewAnswer:
    """Return how every model is that the user may see."""
    folders = model_folders(settings().models_dir)
    seen = visible((folder.name for folder in folders), user)
    now = datetime.now(tz=UTC)
    found = statuses([f for f in folders if f.name in seen], ledger=ledger(), now=now)
    return OverviewAnswer(asked_at=now, models=found)


@router.get("/models/{model}")
def one_model(model: WatchedModel, user: User, days: Days = Days.MONTH) -> ModelAnswer:
    """Return one model with its last days; its records are read with a bound each.

    What cannot be read is told in the status, so that the rest and the forms stay in reach.
    """
    now = datetime.now(tz=UTC)
    (status,) = statuses([settings().models_dir / model], ledger=ledger(), now=now)
    try:
        spec = spec_of(model)
    except ModelSpecInvalid:
        return ModelAnswer(asked_at=now, status=status, page=None, forms=[], links=_links(model))
    try:
        page = model_page(spec, days, ledger=ledger(), now=now)
    except UNREADABLE as error:
        log.warning("the record of %s is not what the sensors write: %r", model, error)
        status, page = broken(model, error, owner=spec.owner), None
    return ModelAnswer(
        asked_at=now, status=status, page=page, forms=forms(spec, user), links=_links(model)
    )


@router.get("/models/{model}/column")
def one_column(model: WatchedModel, column: Column, hour: Hour = None) -> Distribution:
    """Return how a column was distributed at an hour, the newest one by default."""
    spec = spec_of(model)
    try:
        moment = parse_hour(hour) if hour else newest_drift_hour(model, ledger())
        found = distribution(spec, column, moment, ledger=ledger())
    except WindowInvalid as error:
        raise HTTPException(422, str(error)) from None
    except (WindowEmpty, ProfileInvalid) as error:
        raise HTTPException(404, str(error)) from None
    if found is None:
        raise HTTPException(404, f"the profile of {model} has no column {column!r}"[:300])
    return found


@router.get("/models/{model}/backtests")
def backtests(model: WatchedModel) -> BacktestsAnswer:
    """Return the newest backtests of a model; one that cannot be read says why."""
    shelf = Backtests(settings().home, model).newest()
    try:
        trained_here = spec_of(model).train.enabled
    except ModelSpecInvalid:
        trained_here = True  # what it has left can be looked at all the same
    return BacktestsAnswer(
        asked_at=datetime.now(tz=UTC),
        trained_here=trained_here,
        runs=list(shelf.runs),
        total=shelf.total,
    )


@router.get("/models/{model}/backtests/{run}")
def one_backtest(model: WatchedModel, run: str) -> BacktestAnswer:
    """Return one backtest."""
    try:
        return BacktestAnswer(id=run, run=Backtests(settings().home, model).read(run))
    except FileNotFoundError as error:
        raise HTTPException(404, str(error)) from None
    except BacktestUnreadable as error:
        raise HTTPException(422, str(error)) from None


def _links(model: str) -> Links:
    root = settings().mlflow_ui
    return Links(
        data_docs=f"evergreen/data-docs/{quote(model)}/",
        dag=f"dags/{quote(model)}__{WATCHED}",
        mlflow=f"{root}/#/models/{quote(model)}" if root else None,
    )
