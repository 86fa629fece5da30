"""Our own sensors over the benchmark's years and paths."""

from __future__ import annotations

from decisions_paths import DRIFT_HORIZON, HEALTHY, SHIFTS, Size, shift_batches
from decisions_report import Results
from decisions_scores import HOURS_A_YEAR, Batch, delay
from ours import Ours
from streams import Stream, World

CTR, DRIFT = "ours, CTR", "ours, drift"


class Sensors:
    """Our sensors, learnt once for each reference."""

    def __init__(self, *, a_year: float) -> None:
        self.a_year = a_year
        self._learnt: dict[int, tuple[Stream, Ours]] = {}

    def of(self, reference: Stream) -> Ours:
        """Return the sensors of this reference."""
        if id(reference) not in self._learnt:
            made = Ours(reference, false_alarms_per_year=self.a_year, seed=len(self._learnt))
            self._learnt[id(reference)] = (reference, made)
        return self._learnt[id(reference)][1]


def on_healthy_years(size: Size, results: Results) -> None:
    """Run both sensors over the years that every method sees, with their features."""
    for name, traffic in HEALTHY.items():
        for seed in range(size.years):
            world = World(traffic, seed=seed)
            year = world.stream(HOURS_A_YEAR, seed=0)
            ours = Ours(world.reference, false_alarms_per_year=results.a_year, seed=seed)
            results.add_healthy(CTR, name, [ours.ctr_alarms(year)])
            results.add_healthy(DRIFT, name, [ours.drift_alarms(year)])


def on_drops(drops: dict[str, list[Batch]], results: Results, sensors: Sensors) -> None:
    """Run the CTR sensor over the drops; the first alarm settles a path."""
    for key, group in drops.items():
        for batch in group:
            ours = sensors.of(batch.reference)
            results.add_drops(
                CTR, key, [ours.ctr_alarms(s, at_most=1) for s in batch.streams], batch.at
            )


def on_shifts(size: Size, results: Results, sensors: Sensors) -> None:
    """Run the drift sensor over the changes of a feature."""
    for name in SHIFTS:
        for batch in shift_batches(name, size):
            ours = sensors.of(batch.reference)
            alarms = [ours.drift_alarms(stream) for stream in batch.streams]
            results.add_delay(DRIFT, name, delay(alarms, batch.at, horizon=DRIFT_HORIZON))
