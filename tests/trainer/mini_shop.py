"""Five days of orders, of which a window of three and a lookback of one are frozen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from made_shop import MODEL, START, Shop, land, make_models, make_orders, spec_body

from evergreen.adapters.data_docs import DataDocs
from evergreen.adapters.lake import Lake
from evergreen.domain.windows import Window
from evergreen.trainer.validate import validate_window
from made_days import judge

TRAIN = {"window": "3d", "lookback": "1d", "validation": "1d"}
GATE = {"holdout": "1d"}
DAY = timedelta(days=1)
UNTIL = START + 4 * DAY
ORDERS = make_orders(days=5)


def make_mini(folder: Path) -> Shop:
    """Land the five days below a folder."""
    models = make_models(folder / "models", spec_body(train=TRAIN, gate=GATE))
    shop = Shop(folder / "home", folder / "lake", models)
    land(Lake(f"{shop.lake_url}/{MODEL}"), ORDERS, Window(START, START + 5 * DAY))
    _ = shop.ledger
    return shop


def validate(shop: Shop, frozen: dict[str, Any]) -> dict[str, Any]:
    """Validate a frozen window by a few rules: Great Expectations takes seconds to say the same."""
    docs = DataDocs(shop.settings.docs_root(MODEL))
    with pytest.MonkeyPatch.context() as patch, shop.entered():
        patch.setattr("evergreen.adapters.quality.validate", judge)
        return validate_window(frozen["run_dir"], ledger=shop.ledger, docs=docs)
