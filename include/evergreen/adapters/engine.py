"""What counts over the lake, said once; each engine is one module.

Rows of a version are its *own*; with version None all rows are. Counts are over own rows; bins over
those of them that the model served (`source` is `model`), and of `source` itself over all. Numbers
are compared as float32. Rows without a page view id are counted, but belong to no page view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from evergreen.adapters.lake import Lake
from evergreen.config.model_spec import ModelSpec
from evergreen.domain.bins import Bins
from evergreen.domain.sketch import HourSketch
from evergreen.domain.windows import Window


class Engine(Protocol):
    """The counts that Evergreen needs of a lake."""

    def sketches(
        self, window: Window, columns: Mapping[str, Bins], *, version: str | None
    ) -> Mapping[datetime, HourSketch]:
        """Return the sketch of every closed hour of the window; closed hours without rows too.

        A column that an hour lacks, or that holds another kind of value than its bins, is told in
        that sketch's `problems` and has no bins; all else is counted.

        Raises:
            ColumnMissing, ColumnTypeWrong: a column of the contract; the text names the file.
            FileCorrupt: a file cannot be read.
            WindowInvalid: a file holds rows of another hour.
        """

    def make_bins(
        self,
        window: Window,
        *,
        numeric: Sequence[str],
        categorical: Sequence[str],
        version: str | None,
    ) -> dict[str, Bins]:
        """Return quantile bins of numbers, of at most 200,000 rows, and groups of levels, of all.

        A column that no hour has, or that is null everywhere, gets no edges or groups.
        """

    def serving_version(self, window: Window) -> str | None:
        """Return the model version of the newest impression, None when there is none."""


def engine_of(spec: ModelSpec, lake: Lake) -> Engine:
    """Return the engine that the spec names, over this lake; an Ibis one connects when it counts.

    Raises:
        ModelSpecInvalid: by its first count, where its package is not installed.
    """
    if spec.lake.engine == "polars":
        from evergreen.adapters.engine_polars import PolarsEngine

        return PolarsEngine(lake)
    from evergreen.adapters.engine_ibis import IbisEngine

    return IbisEngine(lake, spec.lake.engine)
