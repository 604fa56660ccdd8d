"""Repayment: instalments fall due and are paid, missed, caught up with, written off, recovered."""

import numpy as np

from simulation.calendar import Day, day_in_month
from simulation.columns import Array, Flags, Floats, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending import book, hazard
from simulation.lending.loans import Loans
from simulation.lending.schedule import pay, pay_off
from simulation.process import Events, merged
from simulation.schema.lending import METHODS, PAYMENT_KINDS, STATES
from simulation.schema.money import Kind, Party, Way
from simulation.schema.truth import CAUSES
from simulation.state import State

LATE_FEE = 0.0004
"""Of an overdue instalment, a day; charged when the instalment is paid."""
RECOVERY = 0.0022
"""Daily rate of paying something after the write-off."""
RECOVERED = (0.1, 0.5)
"""Share of what is left that such a payment brings."""
RECOVERY_DAYS = 720
PUSH_FADES = 0.9
LATE_30 = STATES.code("late_30_59")


class Repayment:
    """Borrowers pay or do not: see `lending.hazard` for the chances."""

    name = "repayment"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Bill, take payments, roll states, close."""
        loans = state.loans
        loans.push *= PUSH_FADES
        late_before = loans.billed > loans.paid
        due = (loans.state != book.WRITTEN_OFF) & (loans.billed < loans.term) & _due_today(loans, day)
        loans.billed[due] += 1
        parts = [
            _scheduled(day, state, draws, np.flatnonzero(due & ~late_before)),
            _caught_up(day, state, draws, np.flatnonzero(late_before)),
            _recoveries(day, state, draws),
            _rolled(day, state),
        ]
        state.loans = state.loans.kept(state.loans.state != book.CLOSED)
        _add_up(state)
        return merged(parts)


def index_now(state: State) -> Floats:
    """Log-odds of missing now: the loan's own, the economy, shocks, what was borrowed and what was changed since."""
    loans, finances = state.loans, state.finances
    due = finances.burden_cents[loans.row] + finances.outside_due_cents[loans.row]
    income = np.maximum(state.people.income_cents[loans.row], 1)
    shocked = hazard.SHOCKED_INDEX * (finances.shock[loans.row] > 0)
    more = hazard.log_burden(due / income) - loans.burden_at_start
    more = hazard.BURDEN * np.maximum(more, _relief(state, income))
    return np.asarray(loans.index + state.climate.stress + shocked + more, dtype=np.float64)


def _relief(state: State, income: Ints) -> Floats:
    """By how much the lender's lower prices and longer terms lighten a borrower's burden, on the log scale; else 0.

    Debts that are paid off are no relief: the true chance of default holds the burden that there was.
    """
    loans = state.loans
    changed = (loans.instalment - loans.lent_instalment) * (loans.state != book.WRITTEN_OFF)
    fallen = np.minimum(np.bincount(loans.row, changed, len(state.people))[loans.row], 0)
    relief = hazard.log_burden(hazard.USUAL_BURDEN * np.exp(loans.burden_at_start) + fallen / income)
    return np.asarray(np.where(fallen < 0, relief - loans.burden_at_start, 0.0), dtype=np.float64)


def would_miss(state: State, draws: Draws) -> Flags:
    """Who misses the next instalment if things stay as they are: the luck of each is its own, known to the world."""
    loans = state.loans
    luck = draws.uniform("repayment.miss", loans.id, 0, loans.billed + 1)
    return np.asarray((luck < hazard.missing(index_now(state))) | state.finances.never_pays[loans.row], dtype=np.bool_)


def _due_today(loans: Loans, day: Day) -> Flags:
    return np.asarray((loans.due_on == day.date.day) & (loans.first_month + loans.billed == day.month), dtype=np.bool_)


def _scheduled(day: Day, state: State, draws: Draws, at: Ints) -> Events:
    """Those up to date pay the instalment, all that is left, or nothing."""
    loans = state.loans
    luck = draws.uniform("repayment.miss", loans.id[at], 0, loans.billed[at])
    chance = hazard.missing(index_now(state)[at])
    never = state.finances.never_pays[loans.row[at]]
    early = (
        draws.happens(hazard.PREPAY, "repayment.early", loans.id[at], day.number)
        & ~never
        & (loans.billed[at] < loans.term[at])
    )
    pays = ~never & ~early & (luck >= chance)
    parts = [
        _paid(day, state, draws, at[pays], pay(loans, at[pays], np.ones(pays.sum(), dtype=np.int64)), "scheduled"),
        _paid(day, state, draws, at[early], pay_off(loans, at[early]), "prepayment"),
    ]
    return merged(parts)


def _caught_up(day: Day, state: State, draws: Draws, at: Ints) -> Events:
    """Those late pay all that is overdue or one instalment, at a rate that falls the longer it lasts."""
    loans = state.loans
    at = at[loans.state[at] != book.WRITTEN_OFF]
    late = book.days_past_due(loans, day.number)[at]
    rows = loans.row[at]
    rate = hazard.cure_rate(late, state.people.willingness[rows], state.finances.shock[rows] > 0, loans.push[at])
    pays = (
        draws.happens(-np.expm1(-rate), "repayment.cure", loans.id[at], day.number) & ~state.finances.never_pays[rows]
    )
    at = at[pays]
    one = draws.happens(hazard.PARTLY, "repayment.partly", loans.id[at], day.number)
    count = np.where(one, 1, loans.billed[at] - loans.paid[at]).astype(np.int64)
    loans.late_fees[at] += _late_fees(day, loans, at, count)
    return _paid(day, state, draws, at, pay(loans, at, count), "late")


def _late_fees(day: Day, loans: Loans, at: Ints, count: Ints) -> Ints:
    """Of so many instalments each, oldest first: each for its own days past due."""
    days = np.zeros(len(at), dtype=np.int64)
    for number in range(int(count.max(initial=0))):
        on = np.flatnonzero(count > number)
        who = at[on]
        days[on] += day.number - day_in_month(loans.first_month[who] + loans.paid[who] + number, loans.due_on[who])
    return np.round(LATE_FEE * days * loans.instalment[at]).astype(np.int64)


def _paid(day: Day, state: State, draws: Draws, at: Ints, parts: tuple[Ints, Ints], kind: str) -> Events:
    """Book what was paid, principal and interest, with the late fees that were charged for it."""
    loans, (repaid, interest) = state.loans, parts
    loans.billed[at] = np.maximum(loans.billed[at], loans.paid[at])
    loans.interest_paid[at] += interest
    fees = loans.late_fees[at].copy()
    loans.late_fees[at] = 0
    return _received(day, state, draws, at, repaid, interest, fees, kind)


def _recoveries(day: Day, state: State, draws: Draws) -> Events:
    """After the write-off some pay part of what they owe, for two years."""
    loans = state.loans
    at = np.flatnonzero(loans.state == book.WRITTEN_OFF)
    rows = loans.row[at]
    rate = RECOVERY * np.exp(0.4 * state.people.willingness[rows] + loans.push[at])
    pays = (
        draws.happens(-np.expm1(-rate), "repayment.recovery", loans.id[at], day.number)
        & ~state.finances.never_pays[rows]
    )
    at = at[pays]
    low, high = RECOVERED
    share = low + (high - low) * draws.uniform("repayment.recovered", loans.id[at], day.number)
    part = np.minimum(np.ceil(loans.outstanding[at] * share).astype(np.int64), loans.outstanding[at])
    loans.outstanding[at] -= part
    nothing = np.zeros(len(at), dtype=np.int64)
    return _received(day, state, draws, at, part, nothing, nothing, "recovery")


def _received(
    day: Day, state: State, draws: Draws, at: Ints, repaid: Ints, interest: Ints, fees: Ints, kind: str
) -> Events:
    loans, total = state.loans, repaid + interest + fees
    ids = loans.id[at]
    seconds = 7_200 + draws.below(70_000, "repayment.second", ids, day.number)
    paid = {"kind": Kind.LOAN_PAYMENT, "party": Party.LENDER, "way": Way.DIRECT_DEBIT}
    state.postings.post(loans.row[at], -total, party_id=ids, seconds=seconds, **paid)
    usual = (0.8, 0.1, 0.08, 0.02) if kind == "scheduled" else (0.15, 0.5, 0.3, 0.05)
    return {"payments": {
        "payment_id": ids * 512 + _number(loans, at, kind), "loan_id": ids, "customer_id": loans.customer[at],
        "kind": np.full(len(at), PAYMENT_KINDS.code(kind), dtype=np.uint8),
        "method": draws.choice(usual, "repayment.method", ids, day.number).astype(np.uint8),
        "amount_cents": total, "principal_cents": repaid, "interest_cents": interest, "fees_cents": fees,
        "event_timestamp": day.at(seconds),
    }}  # fmt: skip


def _number(loans: Loans, at: Ints, kind: str) -> Ints:
    """A payment's number within its loan: that of the last instalment it pays; recoveries count on from 256."""
    if kind != "recovery":
        return loans.paid[at].astype(np.int64)
    loans.recoveries[at] += 1
    return 255 + loans.recoveries[at].astype(np.int64)


def _rolled(day: Day, state: State) -> Events:
    """States by days past due; the default and the write-off as they come; all live loans at the month's end."""
    loans = state.loans
    late = book.days_past_due(loans, day.number)
    closed = (loans.outstanding == 0) | ((loans.state == book.WRITTEN_OFF) & (late > RECOVERY_DAYS))
    new = np.where(loans.state == book.WRITTEN_OFF, book.WRITTEN_OFF, book.states(late))
    new = np.where(closed, book.CLOSED, new).astype(np.uint8)
    changed = new != loans.state
    state.finances.times_late[loans.row[changed & (new == LATE_30) & (loans.state < LATE_30)]] += 1
    defaults = np.flatnonzero((late >= book.DEFAULT_DAYS) & ~loans.defaulted & ~closed)
    loans.defaulted[defaults] = True
    loans.state = new
    ends = Day(day.number + 1).opens_month
    live = (new != book.WRITTEN_OFF) & (new != book.CLOSED)
    told = np.flatnonzero(changed | (live if ends else False))
    return {
        "loan_states": _standing(day, loans, told, late, changed[told], live[told] & ends),
        "defaults": _defaults(day, state, defaults),
    }


def _standing(day: Day, loans: Loans, at: Ints, late: Ints, changed: Flags, month_end: Flags) -> Frame:
    return {
        "loan_id": loans.id[at], "customer_id": loans.customer[at], "state": loans.state[at], "days_past_due": late[at],
        "outstanding_cents": loans.outstanding[at], "overdue_cents": book.overdue_cents(loans)[at],
        "changed": changed, "month_end": month_end, "event_timestamp": day.at(np.full(len(at), 86_000)),
    }  # fmt: skip


def _defaults(day: Day, state: State, at: Ints) -> Frame:
    loans = state.loans
    rows = loans.row[at]
    cases = [state.finances.never_pays[rows], state.finances.shock[rows] > 0]
    codes = [CAUSES.code("never_intended"), CAUSES.code("income_shock")]
    cause: Array = np.select(cases, codes, CAUSES.code("ability")).astype(np.uint8)
    return {
        "loan_id": loans.id[at], "customer_id": loans.customer[at], "cause": cause,
        "exposure_cents": loans.outstanding[at], "days_on_book": day.number - loans.opened[at],
        "event_timestamp": day.at(np.full(len(at), 86_000)),
    }  # fmt: skip


def _add_up(state: State) -> None:
    """What each borrower owes and has to pay a month."""
    loans, size = state.loans, len(state.people)
    live = loans.state != book.WRITTEN_OFF
    state.finances.owed_cents = np.bincount(loans.row, loans.outstanding, size).astype(np.int64)
    state.finances.burden_cents = np.bincount(loans.row, loans.instalment * live, size).astype(np.int64)


assert METHODS[0] == "direct_debit"
