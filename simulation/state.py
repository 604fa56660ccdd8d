"""The state of a part of the people: columns, changed in place day by day, and all that a checkpoint keeps."""

from dataclasses import dataclass, field

import numpy as np

from simulation.columns import Array, Flags, Ints
from simulation.economy.path import Climate
from simulation.lending.loans import Loans, Requests
from simulation.money.postings import Postings
from simulation.people.finances import Finances
from simulation.people.people import People
from simulation.scenarios.scenario import Scenario

LIFE = "life"
CHANGING = ("children", "postcode", "address_seed")
"""What life changes about people (`people.life`)."""


@dataclass
class State:
    """Customers `people.id[0]` to `people.id[-1]`, without a gap: `rows(ids)` are their places in `people`."""

    scenario: Scenario
    people: People
    finances: Finances
    loans: Loans
    requests: Requests
    climate: Climate
    postings: Postings = field(default_factory=Postings)
    """Money moved today by processes; the money process turns it into transactions at the end of the day."""
    own: dict[str, dict[str, Array]] = field(default_factory=dict)
    """Columns of processes that are not named above, by process."""

    def rows(self, customer_ids: Array) -> Ints:
        """Places of customers in `people` and `finances`."""
        return np.asarray(customer_ids - self.people.id[0], dtype=np.int64)

    def now(self, name: str) -> Array:
        """A column of people as it is by now; where life goes on unseen, as it was drawn."""
        return self.own[LIFE][name] if LIFE in self.own else np.asarray(getattr(self.people, name))

    def present(self, day: int) -> Flags:
        """Who has joined by a day."""
        return np.asarray(self.people.joined <= day, dtype=np.bool_)
