"""Orders of the lender about customers and running loans: limits, prices, blocks."""

import numpy as np
import polars as pl

from simulation.calendar import Day
from simulation.columns import Array, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending import book
from simulation.lending.loans import loan_rows
from simulation.lending.schedule import agree, schedule
from simulation.process import Events
from simulation.schema.lending import LIMIT_REASONS
from simulation.state import State

AT_SECOND = 30_000
ANYTHING = 2**62


class Orders:
    """Carries out the lender's orders before anything else is decided that day."""

    name = "orders"

    def begin(self, state: State, draws: Draws) -> None:
        """The lender has said nothing of limits yet."""
        state.own[self.name] = {"limited": np.zeros(len(state.people), dtype=np.bool_)}

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Limits and blocks are told in `limits`; a new price changes what is left of a loan, told anew."""
        repriced = state.loans.kept(_reprice(state, decisions.prices))
        moment = day.at(np.full(len(repriced), AT_SECOND))
        parts = [_limits(state, decisions.limits), _blocks(state, decisions.blocks)]
        rows, reasons = (np.concatenate(column) for column in zip(*parts, strict=True))
        # A block comes a second after a limit of the same day: the two are rows of their own.
        seconds = np.repeat([AT_SECOND, AT_SECOND + 1], [len(part[0]) for part in parts])
        return {
            "limits": limit_rows(state, rows, reasons, day.at(seconds)),
            "loans": loan_rows(repriced, "repriced", moment),
            "instalments": schedule(repriced, moment),
        }


def limit_rows(state: State, rows: Ints, reasons: Array, moment: Ints) -> Frame:
    """Limits of people as they are now."""
    return {
        "customer_id": state.people.id[rows],
        "limit_cents": state.finances.limit_cents[rows],
        "used_cents": state.finances.owed_cents[rows],
        "reason": reasons,
        "event_timestamp": moment,
    }


def _limits(state: State, orders: pl.DataFrame) -> tuple[Ints, Array]:
    orders = _last(orders)
    rows, cents = _rows(state, orders), np.round(orders["limit"].to_numpy() * 100).astype(np.int64)
    higher = cents > state.finances.limit_cents[rows]
    state.finances.limit_cents[rows] = np.maximum(cents, 0)
    # For good, and whether higher or lower: it is the lender's word.
    state.own[Orders.name]["limited"][rows] = True
    codes = np.where(higher, LIMIT_REASONS.code("raised"), LIMIT_REASONS.code("lowered"))
    return rows, codes.astype(np.uint8)


def _blocks(state: State, orders: pl.DataFrame) -> tuple[Ints, Array]:
    orders = _last(orders)
    rows, blocked = _rows(state, orders), orders["blocked"].to_numpy()
    state.finances.blocked[rows] = blocked
    codes = np.where(blocked, LIMIT_REASONS.code("blocked"), LIMIT_REASONS.code("unblocked"))
    return rows, codes.astype(np.uint8)


def room_cents(state: State, rows: Ints) -> Ints:
    """What may still be lent where the lender has ever set the limit; elsewhere, anything."""
    finances, limited = state.finances, state.own[Orders.name]["limited"][rows]
    room = np.maximum(finances.limit_cents[rows] - finances.owed_cents[rows], 0)
    return np.asarray(np.where(limited, room, ANYTHING), dtype=np.int64)


def _reprice(state: State, orders: pl.DataFrame) -> Ints:
    """The instalment of what is left follows the new rate, which no rule may forbid; gives which loans changed."""
    loans = state.loans
    at, order = matched(loans.id, loans.customer, orders, "loan_id")
    running = (loans.state[at] != book.WRITTEN_OFF) & (loans.paid[at] < loans.term[at])
    at, order = at[running], order[running]
    loans.rate[at] = np.clip(orders["rate"].to_numpy()[order], 0.0, state.climate.rules["rate_cap"])
    agree(loans, at)
    return np.asarray(at, dtype=np.int64)


def _last(orders: pl.DataFrame) -> pl.DataFrame:
    """Of two orders about a customer the later one."""
    return orders.unique("customer_id", keep="last", maintain_order=True)


def _rows(state: State, orders: pl.DataFrame) -> Ints:
    return state.rows(orders["customer_id"].to_numpy())


def matched(ids: Ints, owners: Ints, orders: pl.DataFrame, key: str) -> tuple[Ints, Ints]:
    """Places in `ids` of what orders are about, and of the orders; of two about the same one the last.

    An order that names another's customer is about nothing: which part of the people it came to would decide.
    """
    if len(ids) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    wanted, customers = orders[key].to_numpy(), orders["customer_id"].to_numpy()
    order = np.argsort(ids, kind="stable")
    at = order[np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)]
    found = np.flatnonzero((ids[at] == wanted) & (owners[at] == customers))
    places, last = np.unique(at[found][::-1], return_index=True)
    return places, found[::-1][last]
