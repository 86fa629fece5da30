"""The gate asked about simulated challengers: equal, better, worse, once and again and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from made_page_views import Floats, Views, make_views, shift_of

from evergreen.domain.error_budget import budget_of
from evergreen.domain.gain import gain_rule, paired_gain, power_of, power_rule
from evergreen.domain.gate import GateVerdict, decide, size_rule
from evergreen.domain.gate_rule import GateRule
from evergreen.domain.slices import judge_slices, levels_by_quantile, levels_by_value

METRIC, WANTED = "ndcg@5", 0.03
FIRST_ALPHA, TOTAL = 0.025, 0.05
MAX_LOSS, SLICE_ALPHA = 0.05, 0.05
COUNTRIES = {"GB": 0.6, "DE": 0.3, "FR": 0.1}
SLICE = "country=DE"
COMMON_CHANGE = 0.5
"""Share of a challenger's change that all challengers of a history have in common."""


@dataclass(frozen=True)
class Asked:
    """What the gate said, and its rule of the slice that was made worse."""

    verdict: GateVerdict
    slice: GateRule


def gain_at(views: Views, challenger: Floats, attempt: int) -> list[GateRule]:
    """Return the rules gain and power at an attempt."""
    budget = budget_of(attempt, first=FIRST_ALPHA, total=TOTAL)
    gain = paired_gain(
        challenger, views.champion, views.user, alpha=budget.alpha, resamples=200, seed=7
    )
    power = power_of(gain, wanted_gain=WANTED, min_gain=0.0)
    rule = gain_rule("gain", "the champion", gain, metric=METRIC, min_gain=0.0, power=power)
    return [rule, power_rule(power)]


def is_promoted(views: Views, challenger: Floats, attempt: int = 1) -> bool:
    """Say whether the gain alone would promote: all other rules can only hold."""
    return decide(gain_at(views, challenger, attempt)).verdict is GateVerdict.PROMOTE


def ask(views: Views, challenger: Floats, country: np.ndarray, popularity: Floats) -> Asked:
    """Ask the gate with slices by country and by quarters of popularity, as also_bought has."""
    levels = levels_by_value("country", country) + levels_by_quantile("p", popularity, parts=4)
    slices = judge_slices(
        levels,
        challenger,
        views.champion,
        views.user,
        metric=METRIC,
        max_loss=MAX_LOSS,
        alpha=SLICE_ALPHA,
    )
    rules = [size_rule(views.user.size, 500), *gain_at(views, challenger, 1), *slices]
    return Asked(verdict=decide(rules).verdict, slice=next(r for r in slices if r.subject == SLICE))


def false_promotions(times: int, page_views: int, rng: np.random.Generator) -> int:
    """Return how many of so many equal challengers are promoted."""
    promoted = 0
    for _ in range(times):
        views = make_views(page_views, rng)
        promoted += is_promoted(views, views.challenger(views.changes(rng)))
    return promoted


def false_histories(
    times: int, page_views: int, rng: np.random.Generator, *, attempts: int, step: float
) -> int:
    """Return how many histories promote an equal challenger at any of their attempts.

    Each attempt has a challenger of its own, equal to the champion, and a holdout that has moved on
    by a part `step` of its length. Challengers have half of their change in common.

    Parameters:
        step: 1/7 retrains every day on a week of holdout, 1/168 every hour.
    """
    moved = round(page_views * step)
    failed = 0
    for _ in range(times):
        whole = make_views(page_views + attempts * moved, rng)
        common = np.sqrt(COMMON_CHANGE) * whole.changes(rng)
        # page views come in any order of users, and those of one user stay alike
        come = rng.permutation(whole.user.size)
        for attempt in range(1, attempts + 1):
            at = come[(attempt - 1) * moved :][:page_views]
            _, user = np.unique(whole.user[at], return_inverse=True)
            views = Views(user=user, latent=whole.latent[at])
            change = common[at] + np.sqrt(1 - COMMON_CHANGE) * views.changes(rng)
            if is_promoted(views, views.challenger(change), attempt):
                failed += 1
                break
    return failed


def asked_often(
    times: int, page_views: int, rng: np.random.Generator, *, gain: float, gain_in_slice: float
) -> list[Asked]:
    """Return what the gate says of challengers that are better by `gain`, other in one slice.

    Parameters:
        gain, gain_in_slice: relative; of page views outside and inside `SLICE`.
    """
    outside, inside = shift_of(gain), shift_of(gain_in_slice)
    found = []
    for _ in range(times):
        views = make_views(page_views, rng)
        names, shares = list(COUNTRIES), list(COUNTRIES.values())
        of_user = rng.choice(names, size=int(views.user.max()) + 1, p=shares)
        country = of_user[views.user]
        shift = np.where(country == SLICE.partition("=")[2], inside, outside)
        challenger = views.challenger(views.changes(rng), shift)
        found.append(ask(views, challenger, country, rng.normal(size=page_views)))
    return found
