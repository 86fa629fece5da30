"""The features of a published set made again, as they should have been served."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evergreen.config.settings import settings
from evergreen.domain.errors import EvergreenError

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from evergreen.adapters.lake import Lake
    from evergreen.adapters.ledger import Ledger, Release
    from evergreen.config.model_spec import ModelSpec
    from evergreen.trainer.model_code import ModelCode

log = logging.getLogger(__name__)

PAIR = ("context_item_id", "item_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFeatures:
    """Makes the features of pairs at the moment that a version looks back from.

    Parameters:
        orders: the order lines that the version was trained from, all of them: a candidate of the
            published set was made from the same.
        length: candidates of each context item, as many as were published.
    """

    code: ModelCode
    orders: pl.DataFrame
    as_of: datetime
    length: int

    def __call__(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Return the pairs that the version has candidates for, with their features."""
        contexts = {self.as_of: pairs["context_item_id"].drop_nulls().unique()}
        wanted = pairs.select(PAIR).unique(maintain_order=True)
        made = self.code.candidates(
            self.orders, [self.as_of], length=self.length, contexts=contexts
        )
        (_, candidates), *_ = made
        return wanted.join(candidates, on=list(PAIR), how="inner", maintain_order="left")


def served_features(
    spec: ModelSpec, release: Release, *, lake: Lake, ledger: Ledger
) -> ServedFeatures | None:
    """Return what makes a version's features again; None where that would compare other things.

    It reads the files that the version was trained from, so that hours that were landed again or
    left out since are no skew, and refuses when `features.py` is another one by now.
    """
    from evergreen.trainer.manifest import RunDir
    from evergreen.trainer.model_code import code_digest, load_code

    run = ledger.run(release.run_key)
    if run is None or "run_dir" not in run.manifest:
        log.info("version %s has no run here: its features are not made again", release.version)
        return None
    models_dir = settings().models_dir
    try:
        manifest = RunDir(run.manifest["run_dir"]).manifest()
        if code_digest(models_dir, spec.model) != manifest["code"]:
            log.info("features.py has changed since version %s was trained", release.version)
            return None
        orders = lake.read_files("orders", [file["path"] for file in manifest["files"]])
        code = load_code(models_dir, spec.model)
    except EvergreenError as error:
        log.warning("features of version %s are not made again: %s", release.version, error)
        return None
    return ServedFeatures(
        code=code, orders=orders, as_of=release.as_of, length=spec.train.candidates
    )
