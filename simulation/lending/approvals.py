"""Approvals: the lender's answers act; whoever takes the offer is paid out, with a schedule."""

from dataclasses import dataclass

import numpy as np

from simulation.calendar import Day, day_in_month
from simulation.columns import Array, Flags, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending import elsewhere
from simulation.lending.applications import default_chance, loan_index
from simulation.lending.hazard import log_burden
from simulation.lending.loans import Loans, Requests, fee_cents, loan_rows
from simulation.lending.orders import limit_rows, matched, room_cents
from simulation.lending.products import instalment_cents
from simulation.lending.schedule import schedule
from simulation.process import Events
from simulation.schema.lending import LIMIT_REASONS, OUTCOMES, PURPOSES
from simulation.schema.money import Kind, Party, Way
from simulation.state import State

LEAST = 100_00
"""Cents below which nothing is lent."""
OPEN_DAYS = 14
"""An application that nobody answers expires after so many days."""
TO_CUSTOMER = (PURPOSES.code("cash"), PURPOSES.code("business"))


class Approvals:
    """Pays out what was approved and taken up, and closes what was declined or expired."""

    name = "approvals"

    def begin(self, state: State, draws: Draws) -> None:
        """Nobody had to go elsewhere yet."""
        elsewhere.begin(state)

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Act on today's answers; who gets nothing here (refused, blocked, the offer is too dear) may go elsewhere."""
        if day.opens_month:
            elsewhere.repay(state)
        requests, answers = state.requests, _answers(day, state, decisions)
        willing = answers.rate <= requests.highest_rate
        paid_out = answers.approved & willing & ~state.finances.blocked[requests.row]
        without = (answers.given | answers.expired) & ~paid_out
        elsewhere.borrow(day, state, draws, requests.kept(without))
        state.requests = requests.kept(~answers.given & ~answers.expired)
        loans = pay_out(day, state, draws, requests.kept(paid_out), answers.amount[paid_out], answers.rate[paid_out])
        return {"decisions": _outcomes(day, requests, answers, paid_out), **loans}


@dataclass(frozen=True)
class _Answers:
    """What was answered to each open request, and which are too old to be."""

    given: Flags
    approved: Flags
    amount: Ints
    rate: Array
    expired: Flags


def _answers(day: Day, state: State, decisions: Decisions) -> _Answers:
    requests, answers = state.requests, decisions.approvals
    at, order = matched(requests.id, requests.customer, answers, "application_id")
    given, approved = (np.zeros(len(requests), dtype=np.bool_) for _ in range(2))
    amount, rate = np.zeros(len(requests), dtype=np.int64), np.zeros(len(requests))
    given[at] = True
    most = np.minimum(requests.amount[at], room_cents(state, requests.row[at]))
    amount[at] = np.minimum(np.round(answers["amount"].to_numpy()[order] * 100), most)
    approved[at] = answers["approved"].to_numpy()[order] & (amount[at] >= LEAST)
    rate[at] = np.clip(answers["rate"].to_numpy()[order], 0.0, state.climate.rules["rate_cap"])
    expired = ~given & (day.number - requests.day >= OPEN_DAYS)
    return _Answers(given, approved, np.where(approved, amount, 0), np.where(approved, rate, 0.0), expired)


def _outcomes(day: Day, requests: Requests, answers: _Answers, paid_out: Flags) -> Frame:
    """Every answer, and behind them who would not take the offer."""
    codes = [OUTCOMES.code("approved"), OUTCOMES.code("declined")]
    code = np.select([answers.approved, answers.given], codes, OUTCOMES.code("expired"))
    told, refused = np.flatnonzero(answers.given | answers.expired), np.flatnonzero(answers.approved & ~paid_out)
    rows = np.concatenate([told, refused])
    outcome = np.concatenate([code[told], np.full(len(refused), OUTCOMES.code("not_taken_up"))])
    seconds = np.repeat([32_400, 36_000], [len(told), len(refused)])
    return {
        "application_id": requests.id[rows],
        "customer_id": requests.customer[rows],
        "outcome": outcome.astype(np.uint8),
        "amount_cents": answers.amount[rows],
        "rate": answers.rate[rows],
        "event_timestamp": day.at(seconds + requests.id[rows] % 3_000),
    }


def pay_out(day: Day, state: State, draws: Draws, requests: Requests, principal: Ints, rate: Array) -> Events:
    """Make loans of requests, move the money, and tell all about it."""
    loans = opened(day.number, state, draws, requests, principal, rate)
    pd = default_chance(day, state, loans.row, loans.index, loans.term)
    state.loans = state.loans.extended(loans)
    _move(day, state, requests, loans.principal - fee_cents(loans), (loans.moment // 1_000_000) % 86_400)
    truth = {"loan_id": loans.id, "customer_id": loans.customer, "pd": pd, "event_timestamp": loans.moment}
    return {
        "loans": loan_rows(loans, "paid_out", loans.moment),
        "instalments": schedule(loans, loans.moment),
        "true_loans": truth,
        "limits": _limits(state, loans, loans.moment),
    }


def _limits(state: State, loans: Loans, moment: Ints) -> Frame:
    """The first loan grants a limit; one that would exceed it raises it."""
    finances, rows = state.finances, loans.row
    first = finances.limit_cents[rows] == 0
    finances.owed_cents[rows] += loans.principal
    changed = finances.owed_cents[rows] > finances.limit_cents[rows]
    finances.limit_cents[rows] = np.maximum(finances.owed_cents[rows], finances.limit_cents[rows])
    reason = np.where(first, LIMIT_REASONS.code("granted"), LIMIT_REASONS.code("raised")).astype(np.uint8)
    return limit_rows(state, rows[changed], reason[changed], moment[changed])


def opened(day: int, state: State, draws: Draws, requests: Requests, principal: Ints, rate: Array) -> Loans:
    """Loans as they begin: the first instalment falls due a month later."""
    rows = requests.row
    due = instalment_cents(principal, rate, requests.term)
    number = np.full(len(rows), day)
    month = number.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    day_of_month = number - day_in_month(month, np.ones(len(rows), dtype=np.int64)) + 1
    owed = state.finances.burden_cents[rows] + state.finances.outside_due_cents[rows] + due
    moment = Day(day).at(36_000 + draws.below(20_000, "approvals.second", requests.id))
    empty = np.zeros(len(rows), dtype=np.int64)
    return Loans(
        id=requests.id, customer=requests.customer, row=rows, purpose=requests.purpose, partner=requests.partner,
        merchant=requests.merchant, opened=number, moment=moment, first_month=month + 1,
        due_on=np.minimum(day_of_month, 28).astype(np.uint8), principal=principal, rate=rate, term=requests.term,
        instalment=due, lent_instalment=due.copy(),
        billed=empty.astype(np.uint8), paid=empty.astype(np.uint8), outstanding=principal.copy(),
        interest_paid=empty.copy(), deferred=empty.copy(), late_fees=empty.copy(), recoveries=empty.astype(np.uint8),
        index=loan_index(state, rows, due, draws.normal("loans.own", requests.id)),
        burden_at_start=log_burden(owed / np.maximum(state.people.income_cents[rows], 1)),
        state=empty.astype(np.uint8), defaulted=empty.astype(np.bool_), push=empty.astype(np.float64),
    )  # fmt: skip


def _move(day: Day, state: State, requests: Requests, cents: Ints, seconds: Ints) -> None:
    """Loan money comes in; where a merchant is paid it goes out at once."""
    rows, to = requests.row, np.flatnonzero(~np.isin(requests.purpose, TO_CUSTOMER))
    lent = {"kind": Kind.LOAN_IN, "party": Party.LENDER, "way": Way.TRANSFER}
    bought = {"kind": Kind.PURCHASE, "party": Party.MERCHANT, "way": Way.TRANSFER}
    state.postings.post(rows, cents, party_id=requests.id, seconds=seconds, **lent)
    state.postings.post(rows[to], -cents[to], party_id=requests.merchant[to], seconds=seconds[to] + 1, **bought)
