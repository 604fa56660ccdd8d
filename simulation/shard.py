"""A shard: a fixed number of customers whose rows share files, stepped day by day, resumable."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.process import merged
from simulation.records.checkpoint import Checkpoints
from simulation.records.landing import Landings
from simulation.scenarios.scenario import Scenario
from simulation.waiting import Waiting, together, waiting
from simulation.world import World


class Shard:
    """Customers `first` to `first + count - 1`, `part` at a time: how many at a time changes no byte."""

    def __init__(self, scenario: Scenario, seed: int, out: Path, first: int, count: int, part: int) -> None:
        name = f"people-{first:09d}"
        self._scenario, self._seed = scenario, seed
        self._spans = [(begin, min(part, first + count - begin)) for begin in range(first, first + count, part)]
        self._landings = Landings(scenario, seed, out, name)
        self._checkpoints = Checkpoints(out, name)
        self._worlds: Sequence[World] = [World(scenario, seed, *span) for span in self._spans]
        self.done: Day | None = None
        """The last day that was stepped; None before the first."""
        self._resume()

    @property
    def waiting(self) -> Waiting:
        """What waits at the end of the last day."""
        day = self.done or Day(Day.on(self._scenario.start).number - 1)
        return together([waiting(world.state, day) for world in self._worlds])

    def step(self, day: Day, decisions: Decisions) -> dict[str, pl.DataFrame]:
        """One day, into files; gives what landed. The state is kept at each month's end."""
        landed = self._landings.write(day, merged(world.step(day, decisions) for world in self._worlds))
        self.done = day
        if Day(day.number + 1).opens_month:
            self._checkpoints.save(day, [world.arrays() for world in self._worlds], self._landings.waiting)
        return landed

    def rewind(self, day: Day) -> None:
        """Go on from the last checkpoint that is before `day`; later ones are forgotten."""
        self._checkpoints.drop_after(Day(day.number - 1))
        self._worlds = [World(self._scenario, self._seed, *span) for span in self._spans]
        self._landings.waiting.clear()
        self.done = None
        self._resume()
        self._landings.drop_after(self.done)

    def _resume(self) -> None:
        if not (kept := self._checkpoints.days()):
            return
        parts, self._landings.waiting = self._checkpoints.load(kept[-1])
        for world, arrays in zip(self._worlds, parts, strict=True):
            world.restore(arrays, kept[-1])
        self.done = kept[-1]
