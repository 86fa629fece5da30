"""Facts of a good day, by hand: three hours and the day, so that each test breaks one of them."""

from __future__ import annotations

from typing import Any

import polars as pl

HOURS = ("2011-05-02T12", "2011-05-02T13", "2011-05-02T14")
SCOPES = (*HOURS, "day")
IMPRESSIONS: dict[str, Any] = {
    "closed": True,
    "readable": True,
    "contract": True,
    "problem": "",
    "generation": 1,
    "unexpected_rows": 0,
    "row_ratio": 1.1,
    "outside_hour": 0,
    "null_ids": 0,
    "duplicate_positions": 0,
    "repeated_items": 0,
    "position_gaps": 0,
    "repeated_page_views": 0,
    "clicked_unshown": 0,
    "ctr": 0.04,
    "ctr_ratio": 1.05,
    "unlabelled": 0.0,
    "propensity_outside": 0,
    "propensity_missing": 0.0,
    "inverse_propensity": 1.2,
    "unknown_versions": 0,
    "unknown_source": 0,
    "unseen_items": 0.0,
    "user_missing": 0.25,
    "top_user_page_views": 40,
    "score_missing": 0.0,
    "score_constant": False,
    "seconds": 300,
}
ORDERS: dict[str, Any] = {
    **{fact: IMPRESSIONS[fact] for fact in list(IMPRESSIONS)[:9]},
    "duplicate_rows": 0.01,
    "repeated_lines": 0.0,
    "negative_prices": 0,
    "missing_prices": 0,
    "quantities_below_1": 0,
    "quantity_max": 144,
    "price_ratio": 1.0,
    "new_items": 0.02,
    "new_countries": 0.0,
}
FEATURES: dict[str, Any] = {
    "missing_share": 0.1,
    "missing_excess": 0.01,
    "infinite": 0,
    "outside_excess": 0.02,
    "constant": False,
    "unknown_levels": None,
    "auc": 0.6,
    "skew": 0.0,
}
LEVELS: dict[str, Any] = {**FEATURES, "outside_excess": None, "unknown_levels": 0.01, "skew": None}
TRAINING: dict[str, Any] = {
    fact: FEATURES[fact] for fact in ("missing_share", "missing_excess", "infinite", "auc")
} | {"constant": False, "positives": None}


def impressions(**broken: Any) -> pl.DataFrame:
    """Return the impressions' facts; what is broken is so at 13 o'clock."""
    return _by_hour(IMPRESSIONS, broken)


def orders(**broken: Any) -> pl.DataFrame:
    """Return the orders' facts; what is broken is so at 13 o'clock."""
    return _by_hour(ORDERS, broken)


def features(**broken: Any) -> pl.DataFrame:
    """Return the features' facts; what is broken is `price` at 13 o'clock and on the day."""
    rows = []
    for scope in SCOPES:
        for subject, good in (("price", FEATURES), ("colour", LEVELS)):
            wrong = broken if subject == "price" and scope in (HOURS[1], "day") else {}
            rows.append({"scope": scope, "subject": subject, "rows": 2_000, **good, **wrong})
    return pl.DataFrame(rows, infer_schema_length=None)


def training(**broken: Any) -> pl.DataFrame:
    """Return the training frame's facts; what is broken is `price`."""
    whole = dict.fromkeys(TRAINING) | {"positives": 0.04}
    rows = [
        {"scope": "a1b2", "subject": "", "rows": 50_000, **whole},
        {"scope": "a1b2", "subject": "price", "rows": 50_000, **TRAINING, **broken},
        {"scope": "a1b2", "subject": "colour", "rows": 50_000, **TRAINING},
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _by_hour(good: dict[str, Any], broken: dict[str, Any]) -> pl.DataFrame:
    rows = [
        {
            "scope": scope,
            "subject": "",
            "rows": 2_000,
            **good,
            **(broken if scope == HOURS[1] else {}),
        }
        for scope in SCOPES
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


MADE = {
    "impressions": impressions,
    "orders": orders,
    "features": features,
    "training": training,
}
"""What makes the facts of each frame."""
