"""A reference profile of bins and counts made by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from evergreen.domain.bins import Bins
from evergreen.domain.profile import ColumnProfile, ReferenceProfile
from evergreen.domain.surprise import fit_spread


def profile_of(columns: Mapping[str, tuple[Bins, tuple[int, ...]]]) -> ReferenceProfile:
    """Return a profile of these bins and counts."""
    return ReferenceProfile(
        model_version="1",
        ctr=None,
        alarm=None,
        columns={
            name: ColumnProfile(
                bins=bins,
                counts=counts,
                importance=1.0,
                day=fit_spread(np.array([counts])),
                hour=fit_spread(np.array([counts])),
            )
            for name, (bins, counts) in columns.items()
        },
    )
