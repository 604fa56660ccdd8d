"""A world that a lender steps: `step(decisions)` is a day, and a crash loses none."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.description import Description, WorldError
from simulation.records.journal import Journal
from simulation.records.landing import drop_empty
from simulation.schema import RAW
from simulation.shard import Shard
from simulation.waiting import Waiting, together


@dataclass(frozen=True)
class DayOutput:
    """What landed on a day, by table, and what waits for the lender at its end."""

    day: Day
    raw: dict[str, pl.DataFrame]
    truth: dict[str, pl.DataFrame]
    waiting: Waiting


class Run:
    """A world in a folder, all its people stepped together.

    Opened again it goes on behind the last day whose decisions were journaled: last checkpoint first, then the journal.
    """

    def __init__(self, out: Path, described: Description) -> None:
        described.model_copy(update={"stepped_by": "lender"}).settle(out)
        self._out, self._journal = out, Journal(out)
        self._start = Day.on(described.scenario.start)
        self._shards = [described.open_shard(out, first) for first in described.firsts()]
        self.next_day = self._caught_up()

    @property
    def waiting(self) -> Waiting:
        """What waits for the lender now."""
        return together([shard.waiting for shard in self._shards])

    def rewind(self, day: Day) -> None:
        """Go back to before a day: what was decided for it and later is forgotten, all before is as it was."""
        if not self._start.number <= day.number <= self.next_day.number:
            span = f"{self._start.date} to {self.next_day.date}"
            raise WorldError(f"no day {day.date} to go back to: take one from {span}")
        # The journal last: after a kill before that, the world that is opened again is where it was.
        for shard in self._shards:
            shard.rewind(day)
        drop_empty(self._out)
        self._journal.drop_from(day)
        self.next_day = self._caught_up()

    def step(self, decisions: Decisions) -> DayOutput:
        """One day: `decisions` act, and what happens lands."""
        day = self.next_day
        self._journal.write(day, decisions)
        landed = [shard.step(day, decisions) for shard in self._shards]
        self.next_day = Day(day.number + 1)
        tables = sorted({name for part in landed for name in part})
        whole = {name: pl.concat([part[name] for part in landed if name in part]) for name in tables}
        raw = {name: rows for name, rows in whole.items() if name in RAW}
        return DayOutput(day, raw, {name: rows for name, rows in whole.items() if name not in RAW}, self.waiting)

    def _caught_up(self) -> Day:
        """The next day, once every shard has done again what was journaled behind its last checkpoint."""
        ends = {self._replayed(shard) for shard in self._shards}
        if len(ends) > 1:
            days = ", ".join(str(day.date) for day in sorted(ends, key=lambda day: day.number))
            raise WorldError(f"{self._out}: parts at different days ({days}): take another folder, or remove it")
        return ends.pop()

    def _replayed(self, shard: Shard) -> Day:
        day = Day(shard.done.number + 1) if shard.done else self._start
        while (decided := self._journal.read(day)) is not None:
            shard.step(day, decided)
            day = Day(day.number + 1)
        return day
