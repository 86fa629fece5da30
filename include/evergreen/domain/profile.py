"""The reference profile: what a champion's impressions looked like when it was new.

It is made from what the challenger would have shown on the holdout, and stored with the version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evergreen.domain.errors import ProfileInvalid

SCHEMA = 1
NUMERIC_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericBins:
    """Quantile bins of one numeric column.

    Parameters:
        edges: increasing inner edges; bin i holds values in (edges[i-1], edges[i]], [B-1].
        shares: share of reference rows in each bin, then of the missing ones, [B+1].
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, values: ArrayLike, *, bins: int = NUMERIC_BINS) -> NumericBins:
        """Return bins of equal share; fewer where values repeat. NaN counts as missing."""
        column = np.asarray(values, dtype=np.float32)
        present = column[~np.isnan(column)]
        edges = np.empty(0, dtype=np.float32)
        if present.size:
            edges = np.unique(np.quantile(present, np.arange(1, bins) / bins).astype(np.float32))
        counts = count_bins(column, edges)
        shares = counts / max(counts.sum(), 1)
        return cls(edges=tuple(map(float, edges)), shares=tuple(map(float, shares)))


def count_bins(values: ArrayLike, edges: ArrayLike) -> np.ndarray:
    """Return rows in each bin, then missing ones, [len(edges) + 2].

    Example:
        >>> count_bins([0.5, 1.0, 1.5, float("nan")], [1.0]).tolist()
        [2, 1, 1]
    """
    column = np.asarray(values, dtype=np.float32)
    cuts = np.asarray(edges, dtype=np.float32)
    missing = np.isnan(column)
    at = np.searchsorted(cuts, column[~missing], side="left")
    return np.append(np.bincount(at, minlength=cuts.size + 1), int(missing.sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceProfile:
    """What is expected of one model version.

    Parameters:
        model_version: as impressions name it.
        ctr: clicks / impressions it earned on the holdout, 0 to 1; None when unknown.
        fallback_share: share of its impressions that were fallback, 0 to 1.
        columns: bins of `score` and of every numeric feature.
    """

    model_version: str
    ctr: float | None
    fallback_share: float
    impressions: int
    columns: Mapping[str, NumericBins]
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold; without the version, which is given when it is registered."""
        body = asdict(self)
        del body["model_version"]
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any], *, model_version: str) -> ReferenceProfile:
        """Return the profile that `to_json` wrote.

        Raises:
            ProfileInvalid: another schema, or not a profile.
        """
        if body.get("schema") != SCHEMA:
            raise ProfileInvalid(
                f"reference profile has schema {body.get('schema')!r}, this version reads "
                f"{SCHEMA}; retrain the model to get a new one"
            )
        try:
            columns = {
                name: NumericBins(edges=tuple(bins["edges"]), shares=tuple(bins["shares"]))
                for name, bins in body["columns"].items()
            }
            return cls(**{**body, "columns": columns, "model_version": model_version})
        except (KeyError, TypeError, AttributeError) as error:
            raise ProfileInvalid(f"not a reference profile: {error!r}; retrain the model") from None

    @property
    def digest(self) -> str:
        """Sixteen hex digits that name this profile of this version."""
        text = json.dumps([self.model_version, self.to_json()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_model(version: str) -> ReferenceProfile:
    """Return the profile of a version nothing is known about: it has no bins and no baseline."""
    return ReferenceProfile(
        model_version=version, ctr=None, fallback_share=0.0, impressions=0, columns={}
    )
