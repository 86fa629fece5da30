"""What the panel's JSON interface answers: one frozen shape a question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evergreen.adapters.backtests import Backtest, Listed
from evergreen.monitor.model_page import ModelPage
from evergreen.monitor.status import ModelStatus
from evergreen.panel.rights import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewAnswer:
    """Every model that the user may see, worst first; `asked_at` is by the server's clock."""

    asked_at: datetime
    models: list[ModelStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where more is to be found.

    Parameters:
        data_docs, dag: below Airflow's root.
        mlflow: address of the registered model; None where MLflow has none that a browser reaches.
    """

    data_docs: str
    dag: str
    mlflow: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """One model: how it is, its past, and what can be done. Without a page it cannot be read."""

    asked_at: datetime
    status: ModelStatus
    page: ModelPage | None
    forms: list[Form]
    links: Links


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestsAnswer:
    """The newest backtests of a model, newest first; `total` counts also those not listed.

    A model that is not `trained_here` has none: of it only the sensors can be replayed.
    """

    asked_at: datetime
    trained_here: bool
    runs: list[Listed]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestAnswer:
    """One backtest with all that is drawn of it."""

    id: str
    run: Backtest


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """Why there is no answer: the name of the error, and a text that says what to do."""

    error: str
    detail: str
