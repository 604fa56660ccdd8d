"""Life: children are born and people move home when the stage that goes with it begins; some tell the lender."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.marketing.patterns import begun
from simulation.people.joining import profile
from simulation.people.shocks import TELLS
from simulation.people.traits import MINORITY_PLACES, PLACES
from simulation.process import Events
from simulation.schema.customers import PROFILE_CHANGES
from simulation.state import CHANGING, LIFE, State

MOST_CHILDREN = 9


class Life:
    """Changes what `State.now` gives. Must run after `Patterns`; fraudsters' addresses are their rings' and stay."""

    name = LIFE

    def begin(self, state: State, draws: Draws) -> None:
        """As people were drawn."""
        state.own[self.name] = {name: getattr(state.people, name).copy() for name in CHANGING}

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's births and moves, and profiles of those who tell."""
        children = state.now("children")
        born = np.flatnonzero(begun(state, day.number, "new_parents"))
        children[born] = np.minimum(children[born] + 1, MOST_CHILDREN)
        moved = np.flatnonzero(begun(state, day.number, "moving_home") & (state.people.pattern == 0))
        _move(day, state, draws, moved)
        rows = np.concatenate([born, moved])
        codes = np.repeat([PROFILE_CHANGES.code("household"), PROFILE_CHANGES.code("moved")], [len(born), len(moved)])
        ids = state.people.id[rows]
        told = draws.happens(TELLS, "life.told", ids, day.number) & state.present(day.number)[rows]
        moment = day.at(36_000 + draws.below(30_000, "life.second", ids, day.number))
        return {"customers": profile(day, state, draws, rows[told], codes[told].astype(np.uint8), moment[told])}


def _move(day: Day, state: State, draws: Draws, rows: Ints) -> None:
    """To another place of the same region and tier; where places tell the group, to one that still does."""
    ids, postcode = state.people.id[rows], state.now("postcode")
    place = postcode[rows] % PLACES
    level = draws.uniform("life.place", ids, day.number)
    theirs = np.where(
        place < MINORITY_PLACES, level * MINORITY_PLACES, MINORITY_PLACES + level * (PLACES - MINORITY_PLACES)
    )
    postcode[rows] += theirs.astype(np.int32) - place
    state.now("address_seed")[rows] = draws.words("life.address", ids, day.number)
