"""Intent: on which days fraudsters apply, and from when on they repay nothing."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Flags
from simulation.draws import Draws
from simulation.fraud.identities import BORROWS, BUST_OUT
from simulation.state import State

ATTEMPTS = 3
WITHIN, LATER, STEP = 7, 4, 9
"""The first try comes within a week of the strike, each other so many days later at least, and up to so many more."""
LAST_DUE_DAYS = 270
"""Who stops paying so long after being lent is not 90 days late within the year."""


def strikers(state: State, day: Day) -> Array:
    """Rows of those who strike about now."""
    since = day.number - state.people.strikes
    rows: Array = np.flatnonzero((since >= 0) & (since < WITHIN + (ATTEMPTS - 1) * (LATER + STEP)))
    return rows[np.isin(state.people.pattern[rows], BORROWS)]


def urged(day: Day, state: State, draws: Draws) -> Flags:
    """Who applies today whatever else: most try again only while nothing was lent, bust-outs take all they get."""
    rows = strikers(state, day)
    ids, tries = state.people.id[rows], np.zeros(len(rows), dtype=np.bool_)
    on = state.people.strikes[rows] + draws.below(WITHIN, "fraud.first", ids)
    free = (state.finances.owed_cents[rows] == 0) | (state.people.pattern[rows] == BUST_OUT)
    for attempt in range(ATTEMPTS):
        on = on + (LATER + draws.below(STEP, "fraud.again", ids, 0, attempt)) * (attempt > 0)
        tries |= (on == day.number) & (free | (attempt == 0))
    flags = np.zeros(len(state.people), dtype=np.bool_)
    flags[rows[tries]] = True
    return flags


def lies_low(state: State) -> Flags:
    """Who applies only as planned."""
    pattern = state.people.pattern
    return np.asarray(np.isin(pattern, BORROWS) & (pattern != BUST_OUT), dtype=np.bool_)


def defaults_for_sure(day: Day, state: State, rows: Array, term: Array) -> Flags:
    """Whose loan of so many months is never paid back, and is 90 days late within a year."""
    stops = state.people.stops[rows] - day.number
    never = stops < np.minimum(30 * (term.astype(np.int64) - 1), LAST_DUE_DAYS)
    return np.asarray(never | state.finances.never_pays[rows], dtype=np.bool_)
