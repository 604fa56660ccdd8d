"""A world that a lender steps: `step(decisions)` is a day, and a crash loses none."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.description import Description
from simulation.records.journal import Journal
from simulation.schema import RAW
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
        described.settle(out)
        self._journal = Journal(out)
        self._shards = [described.open_shard(out, first) for first in described.firsts()]
        start = Day.on(described.scenario.start)
        for shard in self._shards:
            self.next_day = Day(shard.done.number + 1) if shard.done else start
            while (decided := self._journal.read(self.next_day)) is not None:
                shard.step(self.next_day, decided)
                self.next_day = Day(self.next_day.number + 1)

    @property
    def waiting(self) -> Waiting:
        """What waits for the lender now."""
        return together([shard.waiting for shard in self._shards])

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
