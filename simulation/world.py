"""The world of a part of the people: processes that step their state day by day."""

from collections.abc import Sequence

import numpy as np

from simulation.access.logins import Logins
from simulation.calendar import Day
from simulation.columns import Array, Frame
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.economy.path import climate
from simulation.economy.publication import Publication
from simulation.fraud.fraud import Fraud
from simulation.fraud.takeovers import Takeovers
from simulation.lending import book
from simulation.lending.applications import Applications
from simulation.lending.approvals import Approvals
from simulation.lending.collections import Collections
from simulation.lending.existing import Existing
from simulation.lending.listings import Listings
from simulation.lending.loans import Loans, Requests
from simulation.lending.orders import Orders
from simulation.lending.repayment import Repayment
from simulation.marketing.baskets import Baskets
from simulation.marketing.complaints import Complaints
from simulation.marketing.contacts import Contacts
from simulation.marketing.funnel import Funnel
from simulation.marketing.holdings import Holdings
from simulation.marketing.patterns import Patterns
from simulation.marketing.visits import Visits
from simulation.money.flows import FundFlows
from simulation.money.transactions import Markets, Money
from simulation.people.begin import finances
from simulation.people.finances import Finances
from simulation.people.joining import Joining
from simulation.people.life import Life
from simulation.people.population import settled
from simulation.people.relations import Relations
from simulation.people.shocks import Shocks
from simulation.process import Process, merged
from simulation.scenarios.scenario import Scenario
from simulation.state import State


def processes() -> list[Process]:
    """All that happens in a day, in order. Whatever posts money comes before `Money`, which closes the day."""
    before: list[Process] = [Publication(), Markets(), Joining(), Relations(), Existing(), Shocks()]
    moved: list[Process] = [Patterns(), Life(), Contacts()]
    lending: list[Process] = [Orders(), Approvals(), Collections(), Repayment(), Listings(), Applications()]
    after: list[Process] = [Fraud(), Takeovers(), Logins(), Visits(), Funnel(), Baskets(), Complaints()]
    return [*before, *moved, *lending, *after, Holdings(), FundFlows(), Money()]


class World:
    """Customers `first` to `first + count - 1`. Any division of the people into worlds gives the same rows."""

    def __init__(
        self, scenario: Scenario, seed: int, first: int, count: int, steps: Sequence[Process] | None = None
    ) -> None:
        self.first, self.count = first, count
        self._draws = Draws(seed)
        self._processes = list(steps or processes())
        people = settled(scenario, self._draws, first, count)
        now = climate(scenario, self._draws, Day.on(scenario.start))
        self.state = State(scenario, people, finances(people, self._draws), book.no_loans(), book.no_requests(), now)
        for process in self._processes:
            process.begin(self.state, self._draws)

    def step(self, day: Day, decisions: Decisions) -> dict[str, Frame]:
        """One day: what happened, raw and true, by table. `decisions` act today."""
        self.state.climate = climate(self.state.scenario, self._draws, day)
        mine = decisions.of(self.first, self.count)
        return merged([process.step(day, self.state, mine, self._draws) for process in self._processes])

    def live_on_by(self, seed: int) -> None:
        """From now on another luck for the same people: for comparisons, never in a world that is kept."""
        self._draws = Draws(seed)

    def arrays(self) -> dict[str, Array]:
        """All that changes, by name, for a checkpoint; people are drawn anew."""
        parts = {"finances": self.state.finances, "loans": self.state.loans, "requests": self.state.requests}
        kept = {
            f"{part}/{name}": column for part, columns in parts.items() for name, column in columns.arrays().items()
        }
        own = {
            f"own/{name}/{key}": column for name, columns in self.state.own.items() for key, column in columns.items()
        }
        return {**kept, **own}

    def restore(self, arrays: dict[str, Array], day: Day) -> None:
        """Go on from what `arrays` gave at the end of a day."""
        self.state.climate = climate(self.state.scenario, self._draws, day)
        parts: dict[str, dict[str, Array]] = {}
        for name, column in arrays.items():
            part, key = name.rsplit("/", 1)
            parts.setdefault(part, {})[key] = np.array(column)
        self.state.finances = Finances.of(parts["finances"])
        self.state.loans = Loans.of(parts["loans"])
        self.state.requests = Requests.of(parts["requests"])
        self.state.own = {part.removeprefix("own/"): kept for part, kept in parts.items() if part.startswith("own/")}
