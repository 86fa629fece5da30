"""The `train` section of `model.yaml`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evergreen.config.durations import Duration, parse_duration
from evergreen.config.section import Section


class TrainSpec(Section):
    """How a challenger is made."""

    enabled: bool = True
    """False: the model is trained elsewhere. It is watched, and a request for a retraining is a
    message and an asset event for others; there are no DAGs that retrain or roll back."""
    window: Duration = parse_duration("28d")
    """Page views that end here become training, validation and holdout rows."""
    lookback: Duration = parse_duration("28d")
    """How far features look back from their moment."""
    validation: Duration = parse_duration("3d")
    """Page views just before the holdout, for early stopping."""
    max_page_views: int = Field(20_000, ge=100)
    """Sampled (seeded) from the window beyond this."""
    candidates: int = Field(30, ge=5)
    """Candidates for each context item; also the length of a published list."""
    objective: Literal["binary:logistic"] = "binary:logistic"
    """A click model: its score is a probability."""
    params: dict[str, float | int | str] = Field(default_factory=dict)
    """Passed to XGBoost over the defaults."""
    rounds: int = Field(200, ge=1)
    """Boosting rounds at most; early stopping ends sooner."""
    early_stopping_rounds: int = Field(20, ge=1)
    snapshot_every: Duration = parse_duration("48h")
    """Training rows see features this old at most, as a published list is served for days."""
    seed: int = 7
    variants: tuple[Literal["full"], ...] = ("full",)
    """Trained side by side; the best on the validation window meets the holdout."""
