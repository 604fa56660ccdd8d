"""Transactions: all that moved on accounts today, the balances after it, and how strained people are."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Floats, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending.repayment import would_miss
from simulation.money import income, refunds
from simulation.money.merchants import merchant_table, partner_table
from simulation.money.spending import purchases
from simulation.process import Events
from simulation.schema.money import KINDS
from simulation.state import State

A_DAY = 512
"""Most movements of an account in a day."""
DAYS = 32_768
STRAIN_RISES, STRAIN_FALLS = 0.09, 0.045
SHOWS = 0.75
"""Share of people whose spending tells of trouble before it comes."""
FALSE_ALARM = 0.035
"""Chance that a person is strained in a month for reasons of their own."""


class Money:
    """Closes the day: must run after all who post money."""

    name = "money"

    def begin(self, state: State, draws: Draws) -> None:
        """Fix the days on which bills come; nothing was bought that could come back."""
        ids = state.people.id
        has = [draws.happens(bill.chance, "bills.has", ids, 0, place) for place, bill in enumerate(income.BILLS)]
        days = [1 + draws.below(28, "bills.day", ids, 0, place) for place in range(len(income.BILLS))]
        bill_days = np.stack([np.where(here, on, 0) for here, on in zip(has, days, strict=True)])
        state.own[self.name] = {"bill_days": bill_days.astype(np.uint8)}
        refunds.begin(state)

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Write today's transactions."""
        income.post(day, state, draws, state.own[self.name]["bill_days"])
        _strain(day, state, draws)
        bought = purchases(day, state, draws)
        refunds.pay(day, state, draws)
        refunds.note(day, state, draws, bought)
        moved = _joined([bought, *state.postings.taken()])
        state.finances.current_cents += np.bincount(moved["row"], moved["cents"], len(state.people)).astype(np.int64)
        events: dict[str, Frame] = {"transactions": _rows(day, state, draws, moved)}
        if day.weekday == 6:
            events["balances"] = _balances(day, state)
        return events


class Markets:
    """Reference tables of merchants and partners, written by the part with the first customer."""

    name = "markets"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """On the first day, both tables."""
        if day.number != Day.on(state.scenario.start).number or state.people.id[0] != 1:
            return {}
        return {"merchants": merchant_table(state.scenario, draws), "partners": partner_table(state.scenario, draws)}


def _joined(parts: list[Frame]) -> Frame:
    """Purchases and postings in one, numbered within each person's day: postings behind the purchases."""
    names = ("row", "cents", "party_id", "seconds", "mcc", "kind", "party", "way")
    posted = {name: np.concatenate([part[name] for part in parts[1:]] or [parts[0][name][:0]]) for name in names}
    order = np.argsort(posted["row"], kind="stable")
    posted = {name: column[order] for name, column in posted.items()}
    number = A_DAY // 2 + _within(posted["row"])
    joined = {name: np.concatenate([parts[0][name], posted[name]]) for name in names}
    return {**joined, "number": np.concatenate([parts[0]["within"], number])}


def _within(sorted_rows: Ints) -> Ints:
    """Places within runs of the same row."""
    opens = np.flatnonzero(np.diff(sorted_rows, prepend=-1))
    lengths = np.diff(np.append(opens, len(sorted_rows)))
    return np.asarray(np.arange(len(sorted_rows)) - np.repeat(opens, lengths), dtype=np.int64)


def _rows(day: Day, state: State, draws: Draws, moved: Frame) -> Frame:
    ids = state.people.id[moved["row"]]
    number = moved["number"].copy()
    posted = np.flatnonzero(number >= A_DAY // 2)
    # Shuffled by person and day: processes post in a fixed order, which an id must not tell.
    number[posted] ^= draws.below(A_DAY // 2, "money.place", ids[posted], day.number)
    return {
        "transaction_id": (ids * DAYS + (day.number - Day.on(state.scenario.start).number)) * A_DAY + number,
        "customer_id": ids,
        "amount_cents": moved["cents"],
        **{name: moved[name] for name in ("kind", "mcc", "party", "party_id", "way")},
        "event_timestamp": day.at(moved["seconds"]),
    }


def _balances(day: Day, state: State) -> Frame:
    rows = np.flatnonzero(state.present(day.number))
    return {
        "customer_id": state.people.id[rows],
        "current_cents": state.finances.current_cents[rows],
        "savings_cents": state.finances.savings_cents[rows],
        "event_timestamp": day.at(np.full(len(rows), 86_399)),
    }


def _strain(day: Day, state: State, draws: Draws) -> None:
    """Strain follows trouble: income lost, an instalment that will be missed, overdue debts; and false alarms."""
    people, finances = state.people, state.finances
    target: Floats = 0.6 * (finances.shock > 0) + 0.9 * draws.happens(FALSE_ALARM, "strain.false", people.id, day.month)
    shows = draws.happens(SHOWS, "strain.shows", people.id)
    troubled = np.bincount(state.loans.row, _trouble(state, draws), len(people)) > 0
    target = np.minimum(np.maximum(target, 0.9 * (troubled & shows)), 1.0)
    speed: Array = np.where(target > finances.strain, STRAIN_RISES, STRAIN_FALLS)
    finances.strain += speed * (target - finances.strain)


def _trouble(state: State, draws: Draws) -> Floats:
    late = state.loans.billed > state.loans.paid
    more = state.loans.billed < state.loans.term
    return np.asarray(late | (would_miss(state, draws) & more), dtype=np.float64)


assert KINDS[0] == "purchase"
