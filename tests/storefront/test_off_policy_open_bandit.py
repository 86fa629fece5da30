"""From the log of `random`, the CTR of `bts`: against what `bts` has really earned."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evergreen.config.settings import PROJECT
from evergreen.domain.off_policy import OffPolicy, cross_fitted_rates, evaluate_policy
from evergreen.domain.verdict import Verdict
from evergreen.storefront.bandit_log import Campaign, read_bandit_log

pytestmark = pytest.mark.data
LOG = PROJECT.parent / "shared" / "data" / "open_bandit"
CELL = ["position", "item_id"]


def value_of_bts(campaign: Campaign) -> tuple[OffPolicy, OffPolicy]:
    """Return what `random`'s log says of `bts`, and what its own says of itself.

    How often `bts` shows an item at a position is counted in its own log.
    """
    if not LOG.is_dir():
        pytest.skip(f"{LOG} is not here")
    random, bts = (read_bandit_log(LOG, policy, campaign) for policy in ("random", "bts"))
    shown = bts.group_by(CELL).len()
    policy = shown.with_columns(pi=pl.col("len") / pl.col("len").sum().over("position"))
    rows = random.join(policy, on=CELL, how="left", maintain_order="left").with_columns(
        pl.col("pi").fill_null(0.0)
    )
    cells = pl.concat([policy.select(CELL), rows.select(CELL)]).unique().sort(CELL)
    cells = cells.join(policy, on=CELL, how="left", maintain_order="left")
    cells = cells.with_columns(pl.col("pi").fill_null(0.0)).with_row_index("cell")
    cell = rows.join(cells, on=CELL, maintain_order="left")["cell"].to_numpy()
    fold = np.arange(rows.height) % 2
    q = cross_fitted_rates(rows["click"].to_numpy(), cell, fold, cells=cells.height)
    pi, at = cells["pi"].to_numpy(), cells["position"].to_numpy()
    q_pi = np.stack([(q * pi)[:, at == position].sum(axis=1) for position in (1, 2, 3)], axis=1)
    said = evaluate_policy(
        rows["click"],
        rows["propensity_score"],
        rows["pi"],
        np.arange(rows.height),
        q_logged=q[fold, cell],
        q_target=q_pi[fold, rows["position"].to_numpy() - 1],
    )
    p = bts["propensity_score"]
    return said, evaluate_policy(bts["click"], p, p, np.arange(bts.height))


@pytest.mark.parametrize("campaign", ["men", "women"])
def test_the_log_of_random_knows_the_ctr_of_bts(campaign: Campaign) -> None:
    said, own = value_of_bts(campaign)
    assert own.ips == own.snips == own.logged
    assert said.verdict is Verdict.YES
    assert said.doubly_robust is not None
    for estimate in (said.ips, said.snips, said.doubly_robust):
        assert estimate.lower <= own.logged.value <= estimate.upper
