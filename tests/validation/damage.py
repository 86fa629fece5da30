"""What a kind of damage is: how it is planted, and what has to catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evergreen.domain.quality import Severity

if TYPE_CHECKING:
    from damaged_lake import DamagedLake

ERROR, WARNING = Severity.ERROR, Severity.WARNING
Frame = Literal["impressions", "orders", "features"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One kind of damage, planted in an otherwise good day.

    Parameters:
        name: what happened, in words.
        table: the table of the lake that is damaged.
        plant: damages the lake.
        caught_by: the suite and the fact whose expectation must find it.
        severity: of that finding.
        subject: the feature that the finding must name; empty for none.
        scope: whether the finding is about the damaged hour or about its day.
        day: `busy` is the world's busy day; `usual` is one with as many rows as a week before.
        model: whose lake it is planted in.
    """

    name: str
    table: Literal["impressions", "orders"]
    plant: Callable[[DamagedLake], None]
    caught_by: tuple[Frame, str]
    severity: Severity = ERROR
    subject: str = ""
    scope: Literal["hour", "day"] = "hour"
    day: Literal["busy", "usual"] = "busy"
    model: Literal["also_bought", "open_bandit"] = "also_bought"

    @property
    def frame(self) -> Frame:
        """The suite."""
        return self.caught_by[0]

    @property
    def fact(self) -> str:
        """The fact."""
        return self.caught_by[1]
