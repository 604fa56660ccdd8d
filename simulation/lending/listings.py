"""Negative lists: courts and tax offices list people, more often those who do not pay."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending import book
from simulation.process import Events
from simulation.schema.customers import LISTS
from simulation.state import State

A_MONTH = 0.0004
"""Chance that a person of average willingness is listed for debts elsewhere."""
AFTER_WRITE_OFF = 0.08
"""Chance a month that a court lists someone whose loan here is written off."""
LIFTED = 0.06
KIND_WEIGHTS = (0.6, 0.3, 0.1)


class Listings:
    """Lists and lifts on the first of a month."""

    name = "listings"

    def begin(self, state: State, draws: Draws) -> None:
        """Nobody is listed; who was before the world began is listed in its first month."""
        state.own[self.name] = {"listed": np.zeros(len(state.people), dtype=np.uint8)}

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """The month's entries; `listed` holds a list's code plus 1."""
        if not day.opens_month:
            return {}
        people, listed = state.people, state.own[self.name]["listed"]
        lifted = np.flatnonzero((listed > 0) & draws.happens(LIFTED, "listings.lifted", people.id, day.number))
        ended = listed[lifted] - 1
        chance = np.where((listed == 0) & state.present(day.number), self._chance(day, state), 0.0)
        new = np.flatnonzero(draws.happens(chance, "listings.listed", people.id, day.number))
        kind = draws.choice(KIND_WEIGHTS, "listings.kind", people.id[new], day.number)
        kind = np.where(_written_off(state)[new], LISTS.code("court_enforcement"), kind).astype(np.uint8)
        listed[lifted], listed[new] = 0, kind + 1
        rows, codes = np.concatenate([new, lifted]), np.concatenate([kind, ended])
        amount = 3_000 * draws.exponential("listings.amount", people.id[rows]) + 200
        return {
            "listings": {
                "customer_id": people.id[rows],
                "list": codes,
                "amount": np.round(amount, 2),
                "lifted": np.repeat([False, True], [len(new), len(lifted)]),
                "event_timestamp": day.at(np.full(len(rows), 25_200)),
            }
        }

    def _chance(self, day: Day, state: State) -> Array:
        opening = day.number == Day.on(state.scenario.start).number
        usual = A_MONTH * np.exp(-0.9 * state.people.willingness - 0.4 * state.people.ability) * (12 if opening else 1)
        return np.asarray(np.where(_written_off(state), AFTER_WRITE_OFF, usual), dtype=np.float64)


def _written_off(state: State) -> Array:
    lost = state.loans.row[state.loans.state == book.WRITTEN_OFF]
    return np.asarray(np.bincount(lost, minlength=len(state.people)) > 0)
