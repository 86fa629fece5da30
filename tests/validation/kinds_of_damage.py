"""Every kind of damage that validation has to catch; docs/reference/damage.md is made from it."""

from __future__ import annotations

from damage import Damage
from damage_features import of_features
from damage_impressions import of_impressions
from damage_orders import of_orders

DAMAGES: tuple[Damage, ...] = (*of_impressions(), *of_features(), *of_orders())
