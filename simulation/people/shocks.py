"""Shocks: jobs lost and found, illness; what is left of the income while they last."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Floats, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.people.joining import profile
from simulation.process import Events
from simulation.schema.customers import OCCUPATIONS, PROFILE_CHANGES
from simulation.schema.truth import SHOCKS
from simulation.state import State

MONTH, YEAR = 30.4, 365.25
MONTHS_OUT = 4.0
"""Mean months without work or ill."""
ILLNESS = 0.004
"""Chance a month of falling ill; it grows with age."""
LEFT = np.array([1.0, 0.35, 0.6])
"""Share of the income that is left, by shock."""
TELLS = 0.45
"""Share of the changes in their life that people tell the lender."""
STEADY = np.array(
    [0.35 if name in {"civil_servant", "teacher", "nurse", "retired", "student"} else 1.0 for name in OCCUPATIONS]
)
"""How easily an occupation loses its work, beside others."""


def chance(age: Array, occupation: Array, ability: Array, job_loss: float) -> Floats:
    """Chance a month that a shock begins."""
    return np.asarray(job_loss * STEADY[occupation] * np.exp(-0.3 * ability) + illness(age), dtype=np.float64)


def illness(age: Array) -> Floats:
    """Chance a month of falling ill."""
    return np.asarray(ILLNESS * np.clip((age - 20) / 25, 0.4, 2.2), dtype=np.float64)


class Shocks:
    """Begins and ends shocks on the first of a month each; a person's spending adapts over the weeks that follow."""

    name = "shocks"

    def begin(self, state: State, draws: Draws) -> None:
        """As many are out of work or ill as would be after years: a month's chance times the months it lasts."""
        people, start = state.people, Day.on(state.scenario.start).number
        age = (start - people.birth) / YEAR
        share = chance(age, people.occupation, people.ability, state.climate.job_loss) * MONTHS_OUT
        struck = np.flatnonzero(draws.happens(share, "shocks.before", people.id))
        state.finances.shock[struck] = _kind(state, draws, struck, age[struck], 0)
        lasting = MONTH * np.ceil(MONTHS_OUT * draws.exponential("shocks.left", people.id[struck]))
        state.finances.shock_until[struck] = start + lasting.astype(np.int64)

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """End what is over, begin what is new."""
        finances = state.finances
        over = np.flatnonzero((finances.shock > 0) & (finances.shock_until <= day.number))
        had_work_lost = finances.shock[over] == SHOCKS.code("job_loss")
        finances.shock[over] = SHOCKS.code("none")
        hit, kind = (
            self._hit(day, state, draws) if day.opens_month else (np.zeros(0, dtype=np.int64), np.zeros(0, np.uint8))
        )
        lost = hit[kind == SHOCKS.code("job_loss")]
        found = over[had_work_lost]
        changed = np.concatenate([lost, found])
        codes = np.repeat(
            [PROFILE_CHANGES.code("job_lost"), PROFILE_CHANGES.code("job_found")], [len(lost), len(found)]
        )
        told = draws.happens(TELLS, "shocks.told", state.people.id[changed], day.number)
        told &= state.present(day.number)[changed]
        moment = day.at(36_000 + draws.below(30_000, "shocks.second", state.people.id[changed], day.number))
        return {
            "customers": profile(day, state, draws, changed[told], codes[told].astype(np.uint8), moment[told]),
            "shocks": {
                "customer_id": state.people.id[hit],
                "shock": kind,
                "until": finances.shock_until[hit].astype(np.int32),
                "share_left": LEFT[kind],
                "event_timestamp": day.at(np.zeros(len(hit))),
            },
        }

    def _hit(self, day: Day, state: State, draws: Draws) -> tuple[Ints, Array]:
        people, finances = state.people, state.finances
        age = (day.number - people.birth) / YEAR
        begins = chance(age, people.occupation, people.ability, state.climate.job_loss)
        struck = draws.happens(begins, "shocks.hit", people.id, day.number)
        hit = np.flatnonzero(struck & (finances.shock == 0) & state.present(day.number))
        kind = _kind(state, draws, hit, age[hit], day.number)
        finances.shock[hit] = kind
        lasting = MONTH * np.ceil(MONTHS_OUT * draws.exponential("shocks.months", people.id[hit], day.number))
        finances.shock_until[hit] = day.number + lasting.astype(np.int64)
        return hit, kind


def _kind(state: State, draws: Draws, rows: Ints, age: Array, day: int) -> Array:
    """Ill, or out of work, as likely as each is."""
    people = state.people
    job = chance(age, people.occupation[rows], people.ability[rows], state.climate.job_loss)
    ill = draws.happens(illness(age) / job, "shocks.kind", people.id[rows], day)
    return np.where(ill, SHOCKS.code("illness"), SHOCKS.code("job_loss")).astype(np.uint8)


def income_cents(state: State, rows: Ints) -> Ints:
    """What people earn a month now."""
    left = LEFT[state.finances.shock[rows]]
    return np.asarray(state.people.income_cents[rows] * left, dtype=np.int64)
