"""Fraudsters: stop paying when they strike, move the money on, and are told apart in the truth only."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Frame
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.fraud.disguise import active
from simulation.fraud.identities import TAKEOVER
from simulation.money.accounts import account_ids
from simulation.process import Events, merged
from simulation.schema.money import Kind, Party, Way
from simulation.state import State

MOVED_ON = 0.6
"""Share of a loan that goes to the payee on the day it is paid out; the rest is drawn as cash or goes later."""
DAY_S = 86_400


class Fraud:
    """After the day's applications: what fraudsters do with loans, and the truth about who they are."""

    name = "fraud"

    def begin(self, state: State, draws: Draws) -> None:
        """Who strikes on the first day already pays nothing."""
        state.finances.never_pays |= state.people.stops <= Day.on(state.scenario.start).number

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Cash out, stop paying from tomorrow on, tell the truth."""
        _cash_out(day, state, draws)
        state.finances.never_pays |= state.people.stops <= day.number + 1
        return merged([{"true_fraud": _customers(day, state)}, {"true_fraud": _applications(day, state)}])


def _cash_out(day: Day, state: State, draws: Draws) -> None:
    """Money lent to them today leaves at once; rings and thieves send it to accounts that they share."""
    loans = state.loans
    new = np.flatnonzero(loans.opened == day.number)
    new = new[active(day, state, loans.row[new]) > 0]
    rows, cents = loans.row[new], (loans.principal[new] * MOVED_ON).astype(np.int64)
    payee = account_ids(state.people.payee_seed[rows])
    seconds = 58_000 + draws.below(20_000, "fraud.cash_out", loans.id[new])
    state.postings.post(
        rows, -cents, kind=Kind.TRANSFER_OUT, party=Party.OUTSIDE_ACCOUNT, party_id=payee, seconds=seconds,
        way=Way.TRANSFER,
    )  # fmt: skip


def _customers(day: Day, state: State) -> Frame:
    """Fraudsters and victims as they join; those there already, on the first day."""
    people, start = state.people, Day.on(state.scenario.start).number
    rows = np.flatnonzero((people.pattern > 0) & (np.maximum(people.joined, start) == day.number))
    return _truth(day, state, rows, np.zeros(len(rows), dtype=np.int64))


def _applications(day: Day, state: State) -> Frame:
    """Today's applications by fraudsters at work."""
    requests = state.requests
    at = np.flatnonzero(requests.day == day.number)
    pattern = active(day, state, requests.row[at])
    at = at[(pattern > 0) & (pattern != TAKEOVER)]
    return _truth(day, state, requests.row[at], requests.id[at])


def _truth(day: Day, state: State, rows: Array, application: Array) -> Frame:
    people = state.people
    return {
        "customer_id": people.id[rows],
        "application_id": application,
        "pattern": people.pattern[rows],
        "ring_id": people.ring[rows],
        "strikes": people.strikes[rows].astype(np.int32),
        "event_timestamp": day.at(np.full(len(rows), DAY_S - 1)),
    }
