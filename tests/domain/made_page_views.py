"""Page views of two models, simulated like those of a shop's real log.

NDCG@5 of a page view is 0 in 55 % of cases, else Beta(1.9, 2.6): mean 0.19, deviation 0.25. Users
make a lognormal number of page views (median 16, mean 27, a few hundred at most). Both values
of a page view come from Gaussian latents: the champion's is alike within a user, the challenger's
is a mixture of it and of a change that is alike within a user too.

The parameters are those of UCI Online Retail in January 2011, a champion and a challenger trained
one day later, 7,713 page views of 259 users: NDCG mean 0.193, standard deviation 0.253, 0.914
correlated between the two models; intraclass correlation within a user 0.249 of the champion's
NDCG and 0.115 of the difference; users' page views 2.8 and 1.1 in logarithms. `measured` says what
the simulated ones have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr

CORRELATION = 0.914
LATENT_CORRELATION = 0.945
"""Which gives `CORRELATION` between the two NDCG."""
ZERO, BETA = 0.55, (1.9, 2.6)
USER_SHARE, CHANGE_SHARE = 0.30, 0.20
LOG_SIZE = (2.8, 1.0)
GRID = np.linspace(-6, 6, 4_001)
NDCG = betaincinv(*BETA, np.maximum(ndtr(GRID) - ZERO, 0) / (1 - ZERO))
Floats = NDArray[np.float64]


def ndcg(latent: Floats) -> Floats:
    """Return NDCG of standard normal latents; larger ones are better."""
    return np.interp(latent, GRID, NDCG)


def shift_of(relative: float) -> float:
    """Return the shift of the latent that changes mean NDCG by this share."""
    weight = np.exp(-(GRID**2) / 2)
    shifts = np.linspace(-1, 1, 2_001)
    means = np.array([np.average(ndcg(GRID + shift), weights=weight) for shift in shifts])
    return float(np.interp((1 + relative) * np.average(NDCG, weights=weight), means, shifts))


@dataclass(frozen=True)
class Views:
    """Page views in the order of their users.

    Parameters:
        user: who made each, [N].
        latent: the champion's, [N].
    """

    user: NDArray[np.int64]
    latent: Floats

    @property
    def champion(self) -> Floats:
        """The champion's NDCG, [N]."""
        return ndcg(self.latent)

    def changes(self, rng: np.random.Generator) -> Floats:
        """Return the latent of one challenger's change, alike within users, [N]."""
        return _alike(self.user, CHANGE_SHARE, rng)

    def challenger(self, change: Floats, shift: Floats | float = 0.0) -> Floats:
        """Return a challenger's NDCG; without a shift it is as good as the champion, [N]."""
        rest = np.sqrt(1 - LATENT_CORRELATION**2)
        return ndcg(LATENT_CORRELATION * self.latent + rest * change + shift)


def measured(views: Views, challenger: Floats) -> dict[str, float]:
    """Return what the module's docstring says of the real log, of these page views."""
    champion = views.champion
    return {
        "mean": round(float(champion.mean()), 3),
        "sd": round(float(champion.std()), 3),
        "correlation": round(float(np.corrcoef(champion, challenger)[0, 1]), 3),
        "user_correlation": round(_intraclass(champion, views.user), 3),
        "user_correlation_of_difference": round(_intraclass(challenger - champion, views.user), 3),
    }


def _intraclass(values: Floats, user: NDArray[np.int64]) -> float:
    """Return the intraclass correlation of unequal groups (Fisher 1925; Donner 1986)."""
    sizes, total = np.bincount(user), values.size
    means = np.bincount(user, weights=values) / sizes
    groups = sizes.size
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (groups - 1)
    within = float(((values - means[user]) ** 2).sum()) / (total - groups)
    size = (total - float((sizes**2).sum()) / total) / (groups - 1)
    return (between - within) / (between + (size - 1) * within)


def make_views(count: int, rng: np.random.Generator) -> Views:
    """Return page views of as many users as it takes."""
    sizes = np.ceil(rng.lognormal(*LOG_SIZE, size=count // 5 + 50)).astype(int)
    user = np.repeat(np.arange(sizes.size), sizes)[:count]
    return Views(user=user, latent=_alike(user, USER_SHARE, rng))


def _alike(user: NDArray[np.int64], share: float, rng: np.random.Generator) -> Floats:
    own = rng.normal(size=user.size)
    of_user = rng.normal(size=int(user.max()) + 1)
    return np.asarray(np.sqrt(share) * of_user[user] + np.sqrt(1 - share) * own)
