"""The asset event that carries a retraining request, with its evidence, from monitor to retrain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow.sdk import Asset


def retrain_asset(model: str) -> Asset:
    """Return the asset that a model's monitor updates when it asks for a retraining."""
    return Asset(
        name=f"{model} retrain requested",
        uri=f"evergreen://{model}/retrain",
        group="evergreen",
    )


def newest_request(events: Iterable[Any]) -> dict[str, Any]:
    """Return the evidence of the newest of the events that started a run, or {} without one.

    Requests that came while a retraining ran start one run together; the newest one knows most.
    """
    ordered = sorted(events, key=lambda event: event.timestamp)
    return dict(ordered[-1].extra or {}) if ordered else {}
