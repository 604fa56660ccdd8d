"""Collections: what is done about late loans, whom it reaches, and how much faster they then pay."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Floats, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending import book
from simulation.lending.loans import loan_rows
from simulation.lending.orders import matched
from simulation.lending.schedule import agree, put_off, schedule
from simulation.process import Events
from simulation.schema.lending import ACTIONS, REACHED
from simulation.state import State

COST = np.array([0.05, 3.0, 25.0, 15.0, 120.0])
REACHES = np.array([1.2, 0.2, 0.4, 0.6, 6.0])
"""Log-odds of reaching someone of average willingness, by action; a letter from the court reaches everyone."""
PUSH = np.array([0.35, 0.6, 0.75, 0.0, 0.5])
"""Added to the log of the daily rate of paying, once reached."""
LEGAL_ON_UNWILLING = 0.45
"""How much more the legal route moves someone a deviation less willing: for the others it is not worth its cost."""
MOST_PUSH = 1.5
MONTHS_MORE, LONGEST = 6, 60
"""A restructured loan is paid over so many months more, up to the longest term."""


class Collections:
    """Acts on late loans as the lender decides."""

    name = "collections"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's actions; what they change is gone within weeks (`repayment.PUSH_FADES`)."""
        loans, orders = state.loans, decisions.collections
        at, order = matched(loans.id, loans.customer, orders, "loan_id")
        late = loans.billed[at] > loans.paid[at]
        at, action = at[late], orders["action"].to_physical().to_numpy()[order[late]].astype(np.int64)
        days_late = book.days_past_due(loans, day.number)[at]
        result = _result(day, state, draws, at, action)
        spoken = result > REACHED.code("unreachable")
        loans.push[at] = np.minimum(loans.push[at] + spoken * _push(state, at, action), MOST_PUSH)
        agreed = (result == REACHED.code("promised")) & (action == ACTIONS.code("restructure"))
        changed = loans.kept(_restructure(state, at[agreed]))
        moment = day.at(33_000 + changed.id % 20_000)
        return {
            "loans": loan_rows(changed, "restructured", moment),
            "instalments": schedule(changed, moment),
            "collections": {
                "loan_id": loans.id[at],
                "customer_id": loans.customer[at],
                "action": action,
                "result": result,
                "cost": COST[action],
                "days_past_due": days_late,
                "event_timestamp": day.at(33_000 + loans.id[at] % 20_000),
            },
        }


def _result(day: Day, state: State, draws: Draws, at: Ints, action: Ints) -> Array:
    """The unwilling are hard to reach, and refuse more often."""
    loans = state.loans
    willing = state.people.willingness[loans.row[at]] - 3.0 * state.finances.never_pays[loans.row[at]]
    reached = draws.happens(_odds(REACHES[action] + 0.6 * willing), "collections.reached", loans.id[at], day.number)
    level = draws.uniform("collections.result", loans.id[at], day.number)
    promised, refused = _odds(0.4 + 0.5 * willing), 0.25 * _odds(-0.8 * willing)
    codes = [REACHED.code(name) for name in ("unreachable", "promised", "refused")]
    return np.select([~reached, level < promised, level > 1 - refused], codes, REACHED.code("reached")).astype(np.uint8)


def _push(state: State, at: Ints, action: Ints) -> Floats:
    willing = state.people.willingness[state.loans.row[at]]
    legal = (action == ACTIONS.code("legal")) * LEGAL_ON_UNWILLING * np.clip(-willing, -1, 3)
    return np.asarray(np.maximum(PUSH[action] + legal, 0.0), dtype=np.float64)


def _restructure(state: State, at: Ints) -> Ints:
    """What is overdue moves to the end: nothing is late any more, and the instalment falls; gives which loans changed.

    The months by which it is put off cost interest as any other; the late fees of what was overdue are waived.
    """
    loans = state.loans
    at = at[(loans.state[at] != book.WRITTEN_OFF) & (loans.term[at] + MONTHS_MORE <= LONGEST)]
    put_off(loans, at, loans.billed[at].astype(np.int64) - loans.paid[at])
    loans.term[at] += MONTHS_MORE
    loans.billed[at] = loans.paid[at]
    agree(loans, at)
    return at


def _odds(log_odds: Array) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float64)
