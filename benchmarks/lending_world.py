"""A simulated world of lending alone, in memory: quick enough for tens of thousands of people over years."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from simulation.calendar import Day, days
from simulation.decisions import Decisions
from simulation.economy.publication import Publication
from simulation.fraud.fraud import Fraud
from simulation.lending.applications import Applications
from simulation.lending.approvals import Approvals
from simulation.lending.collections import Collections
from simulation.lending.existing import Existing
from simulation.lending.orders import Orders
from simulation.lending.repayment import Repayment
from simulation.people.joining import Joining
from simulation.people.shocks import Shocks
from simulation.policies import Policy
from simulation.process import Events, Process, merged
from simulation.scenarios.scenario import Scenario, load
from simulation.schema import TABLES
from simulation.waiting import waiting
from simulation.world import World

STEPS: tuple[type[Process], ...] = (
    Publication, Joining, Existing, Shocks, Orders, Approvals, Collections, Repayment, Applications, Fraud,
)  # fmt: skip


class LendingWorld:
    """Steps a world and keeps its rows by table."""

    def __init__(
        self,
        customers: int = 2_000,
        scenario: str | Scenario = "quiet",
        seed: int = 1,
        steps: Sequence[type[Process]] = STEPS,
    ) -> None:
        plan = load(scenario) if isinstance(scenario, str) else scenario
        self.world = World(plan, seed, 1, customers, [step() for step in steps])
        self._events: list[Events] = []
        self._next = Day.on(self.world.state.scenario.start)

    def run(self, months: int, policy: Policy) -> "LendingWorld":
        """So many months more."""
        first = self._next.date
        for day in days(first, months):
            before = Day(day.number - 1)
            self.step(policy.decide(before, waiting(self.world.state, before)))
        return self

    def step(self, decisions: Decisions) -> None:
        """One day."""
        self._events.append(self.world.step(self._next, decisions))
        self.world.state.postings.taken()
        self._next = Day(self._next.number + 1)

    def rows(self, table: str) -> pl.DataFrame:
        """All rows of a table so far."""
        found = merged({table: events[table]} for events in self._events if table in events)
        return TABLES[table].frame(found[table]) if found else pl.DataFrame(schema=TABLES[table].schema)

    @property
    def late(self) -> pl.DataFrame:
        """Loans past due."""
        return waiting(self.world.state, Day(self._next.number - 1)).late


def cents(column: pl.Series) -> int:
    """A sum of money, exactly."""
    return int(np.round(column.to_numpy() * 100).astype(np.int64).sum())
