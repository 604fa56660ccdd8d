"""The book at the start: loans that were lent in the year before, up to date so far."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending.applications import MOST
from simulation.lending.approvals import opened
from simulation.lending.loans import Loans, Requests, loan_rows
from simulation.lending.products import AMOUNT, SPREAD, interest_cents, usual_rate
from simulation.lending.schedule import schedule
from simulation.process import Events
from simulation.schema.lending import LIMIT_REASONS, PURPOSES
from simulation.state import State

TERMS = np.array([12, 18, 24], dtype=np.uint8)
OLDEST = 330
"""Days before the start at which the oldest of them was lent."""


class Existing:
    """Some customers owe money already and have a limit."""

    name = "existing"

    def begin(self, state: State, draws: Draws) -> None:
        """Lend before the start; remember to whom, so that the first day can tell."""
        start = Day.on(state.scenario.start).number
        had = draws.happens(state.scenario.population.borrowers_at_start, "existing.borrows", state.people.id)
        rows = np.flatnonzero(had & (state.people.joined < start - 30))
        ago = 1 + draws.below(OLDEST, "existing.ago", state.people.id[rows])
        ago = np.minimum(ago, start - state.people.joined[rows])
        requests = self._requests(state, draws, rows, start - ago)
        loans = opened(start, state, draws, requests, requests.amount, usual_rate(requests.purpose, 0.03))
        state.loans = _aged(loans, start - ago, start)
        state.finances.applied[rows] += 1
        state.finances.limit_cents[rows] = np.ceil(loans.principal * 1.5 / 100_000).astype(np.int64) * 100_000
        state.finances.burden_cents[rows] = loans.instalment
        state.finances.owed_cents[rows] = state.loans.outstanding

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """On the first day, before anything else: tell the loans, their schedules and the limits."""
        if day.number != Day.on(state.scenario.start).number or len(state.loans) == 0:
            return {}
        loans = state.loans
        fresh = loans.kept(np.arange(len(loans)))
        fresh.outstanding, fresh.paid = fresh.principal.copy(), np.zeros_like(fresh.paid)
        limits: Frame = {
            "customer_id": loans.customer,
            "limit_cents": state.finances.limit_cents[loans.row],
            "used_cents": loans.outstanding,
            "reason": np.full(len(loans), LIMIT_REASONS.code("granted"), dtype=np.uint8),
            "event_timestamp": loans.moment,
        }
        return {
            "loans": loan_rows(fresh, "paid_out", loans.moment),
            "instalments": schedule(fresh, loans.moment),
            "limits": limits,
        }

    def _requests(self, state: State, draws: Draws, rows: Ints, day: Array) -> Requests:
        who = state.people.kept(rows)
        purpose = np.where(who.kind == 1, PURPOSES.code("business"), PURPOSES.code("cash")).astype(np.uint8)
        ratio = AMOUNT[purpose] * np.exp(SPREAD[purpose] * draws.normal("existing.amount", who.id))
        empty = np.zeros(len(rows), dtype=np.int64)
        return Requests(
            id=who.id * MOST + 1, customer=who.id, row=rows, day=day, purpose=purpose, partner=empty.astype(np.int32),
            merchant=empty, amount=np.clip(np.round(ratio * who.income_cents, -4), 50_000, 30_000_000).astype(np.int64),
            term=TERMS[draws.below(3, "existing.term", who.id)], highest_rate=np.ones(len(rows)), payee=empty,
            pd=np.zeros(len(rows)),
        )  # fmt: skip


def _aged(loans: Loans, day: Array, start: int) -> Loans:
    """As if all instalments due before the start had been paid."""
    month = day.astype("datetime64[D]").astype("datetime64[M]")
    loans.opened = day
    loans.moment = (day * 86_400 + 40_000 + loans.id % 20_000) * 1_000_000
    loans.first_month = month.astype(np.int64) + 1
    loans.due_on = np.minimum(day - month.astype("datetime64[D]").astype(np.int64) + 1, 28).astype(np.uint8)
    paid = np.maximum(Day(start).month - loans.first_month, 0).astype(np.uint8)
    for number in range(int(paid.max(initial=0))):
        pays = np.flatnonzero(paid > number)
        interest = interest_cents(loans.outstanding[pays], loans.rate[pays])
        loans.outstanding[pays] -= loans.instalment[pays] - interest
        loans.interest_paid[pays] += interest
    loans.billed, loans.paid = paid.copy(), paid
    return loans
