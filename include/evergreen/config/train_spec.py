"""The `train` section of `model.yaml`."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator

from evergreen.config.durations import Duration, parse_duration
from evergreen.config.section import Section

Variant = Literal["fresh_24h", "recent_7d", "full_28d"]
FRESH: Variant = "fresh_24h"
RECENT: Variant = "recent_7d"
FULL: Variant = "full_28d"


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
    deadline: Duration = parse_duration("4h")
    """A retraining that takes longer, from queued to done, is told of, once. Where a person may be
    asked, `deploy.approval_timeout` is added. Nothing is stopped."""
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
    variants: tuple[Variant, ...] = Field((FULL, RECENT, FRESH), min_length=1)
    """Trained side by side; the best on the validation rows meets the holdout. `full_28d` learns
    from the whole window that was asked for, `recent_7d` from its last 7 days before validation,
    `fresh_24h` goes on from the champion's trees on the last 24 hours. One that cannot be trained
    is skipped and says why."""
    half_life: Duration | None = None
    """A training row this much older weighs half as much; null: all ages alike."""
    min_rows: int = Field(1_000, ge=1)
    """`recent_7d` and `fresh_24h` are skipped with fewer training rows."""
    max_piled_rounds: int = Field(1_000, ge=1)
    """`fresh_24h` is skipped when the champion has this many rounds: lists take longer to score
    with each, and a full training starts from nothing again."""
    external_memory_above: int = Field(5_000_000, ge=0)
    """With more training rows than this, pages on scratch disk hold them instead of memory."""
    batch_rows: int = Field(100_000, ge=1)
    """Rows that are read at a time; also a row group and a page."""

    @field_validator("deadline")
    @classmethod
    def _some_time(cls, deadline: timedelta) -> timedelta:
        if deadline <= timedelta(0):
            raise ValueError("expected more than 0s, or every retraining would be late")
        return deadline

    @field_validator("variants")
    @classmethod
    def _each_once(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        if len(set(variants)) < len(variants):
            raise ValueError("expected each variant once")
        return variants
