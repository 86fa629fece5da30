"""Sets that tell their version in every row, and releases of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from evergreen.adapters.ledger import Ledger, Release
from evergreen.adapters.published import Published
from evergreen.adapters.registry import Registry
from evergreen.config.model_spec import ModelSpec
from evergreen.release.promote import promote

AS_OF = datetime(2011, 5, 2, 13, tzinfo=UTC)
CONTEXTS = 50


class Aliases(Registry):
    """MLflow's alias `champion` kept in a file: importing MLflow takes seconds, and this none."""

    def __init__(self, file: Path) -> None:
        super().__init__("file")
        self._file = file

    def champion(self, model: str) -> int | None:
        return int(self._file.read_text()) if self._file.exists() else None

    def set_champion(self, model: str, version: int) -> None:
        _write(self._file, version)

    def followed(self, model: str) -> int | None:
        file = self._file.with_suffix(".followed")
        return int(file.read_text()) if file.exists() else None

    def set_followed(self, model: str, fence: int) -> None:
        _write(self._file.with_suffix(".followed"), fence)


def _write(file: Path, number: int) -> None:
    written = file.with_name(f"{file.name}.written")
    written.write_text(str(number))
    written.replace(file)


def recommendations(version: int) -> pl.DataFrame:
    rows = [
        {
            "context_item_id": f"c{c}",
            "item_id": f"v{version}-{rank}",
            "rank": rank,
            "score": version,
        }
        for c in range(CONTEXTS)
        for rank in (1, 2)
    ]
    return pl.DataFrame(rows).cast({"rank": pl.Int16, "score": pl.Float32})


def popular(version: int) -> pl.DataFrame:
    frame = pl.DataFrame({"item_id": [f"v{version}-1"], "rank": [1], "score": [version]})
    return frame.cast({"rank": pl.Int16, "score": pl.Float32})


def publish(published: Published, version: int) -> None:
    published.write(version, recommendations(version), popular(version), as_of=AS_OF)


def promote_version(spec: ModelSpec, ledger: Ledger, version: int, expected: int | None) -> Release:
    return promote(
        spec,
        version=version,
        expected=expected,
        run_key=f"run-{version}",
        as_of=AS_OF,
        reason="better",
        evidence={},
        ledger=ledger,
    )
