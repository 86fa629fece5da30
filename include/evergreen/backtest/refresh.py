"""A scheduled retraining without a gate: `full_28d` on everything until now, deployed as it is."""

from __future__ import annotations

import tempfile
import time
from datetime import datetime
from pathlib import Path

from evergreen.backtest.lists import Trained, keep
from evergreen.backtest.rows_in_memory import dataset_of
from evergreen.backtest.workshop import ONE_THREAD, Workshop
from evergreen.config.train_spec import FULL
from evergreen.trainer.fit import figures, learn, rows_of
from evergreen.trainer.scoring import rank_candidates
from evergreen.trainer.variants import Skip

KIND = "refreshed"
SERVED = ("context_item_id", "item_id", "rank", "score")


def refreshed(shop: Workshop, until: datetime) -> Trained:
    """Return what a schedule deploys at a moment; it is trained unless it is kept already.

    It rests on the orders before the moment, the spec and the code, and on no policy: so all
    schedules share it. Schedules train one variant, the whole window, as `bench-loop` does.

    Raises:
        WindowEmpty: too few orders to learn from.
    """
    key = shop.key(until, variant=FULL)
    folder = shop.cache.find(KIND, key)
    if folder is None:
        began = time.monotonic()
        data = dataset_of(shop.history, shop.spec, shop.code, until)
        rows = rows_of(
            shop.spec, FULL, data.train, data.valid, until=data.moment("validation_start")
        )
        with tempfile.TemporaryDirectory(prefix="evergreen-backtest-") as scratch:
            found = learn(
                shop.spec, FULL, *rows, base=None, scratch=Path(scratch), more_params=ONE_THREAD
            )
        assert not isinstance(found, Skip)  # only the short variants are skipped
        boosted = found[0]
        lists = rank_candidates(boosted.booster, data.tables["publish_candidates"])
        said = {"training_s": time.monotonic() - began, **figures(boosted), "variant": FULL}
        with shop.cache.making(KIND, key) as made:
            keep(
                made,
                lists=lists.select(SERVED),
                popular=data.tables["publish_popular"],
                booster=boosted.booster,
                said=said,
            )
        folder = shop.cache.root / KIND / key
    return Trained(folder)
