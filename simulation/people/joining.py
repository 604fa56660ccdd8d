"""Joining: a customer's first profile row, and one whenever something in it changes."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Floats, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.process import Events
from simulation.schema.customers import EMPLOYMENT, OCCUPATIONS, PROFILE_CHANGES
from simulation.schema.truth import SHOCKS
from simulation.state import State

FREELANCE = np.array([name in {"delivery", "trader", "farmer", "owner"} for name in OCCUPATIONS])


class Joining:
    """Writes profiles."""

    name = "joining"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Profiles of those who join today; on the first day also of those who are there already."""
        opening = day.number == Day.on(state.scenario.start).number
        joined = state.people.joined
        rows = np.flatnonzero((joined <= day.number) if opening else (joined == day.number))
        seconds = 28_000 + draws.below(50_000, "joining.second", state.people.id[rows], day.number)
        moment = day.at(seconds)
        if opening:
            before = np.minimum(joined[rows], day.number)
            moment = (before * 86_400 + seconds) * 1_000_000
        change = np.full(len(rows), PROFILE_CHANGES.code("joined"), dtype=np.uint8)
        truth = _truth(state, rows, moment)
        return {"customers": profile(day, state, draws, rows, change, moment), "true_people": truth}


def profile(day: Day, state: State, draws: Draws, rows: Ints, change: Array, moment: Ints) -> Frame:
    """Profile rows of people as they are now."""
    who = state.people.kept(rows)
    return {
        "customer_id": who.id,
        "change": change,
        "kind": who.kind,
        "birth_date": who.birth.astype(np.int32),
        **{name: getattr(who, name) for name in ("sex", "group", "region", "marital")},
        **{name: state.now(name)[rows] for name in ("postcode", "children")},
        "city_tier": who.tier,
        **{name: getattr(who, name) for name in ("education", "occupation", "housing", "joined_by")},
        "employment": employment(state, rows),
        "stated_income": stated_income(day, state, draws, rows, "profile"),
        "literacy_quiz": np.clip(np.round(5 + 2 * who.literacy + draws.normal("joining.quiz", who.id)), 0, 10).astype(
            int
        ),
        "consents_marketing": who.consents,
        "business_months": np.where(who.kind == 1, who.business_months + (day.number - who.joined) // 30, 0),
        "business_staff": who.business_staff,
        "event_timestamp": moment,
    }


def employment(state: State, rows: Ints) -> Array:
    """Whether people work, as codes."""
    occupation = state.people.occupation[rows]
    out = state.finances.shock[rows] == SHOCKS.code("job_loss")
    studying, retired = (occupation == OCCUPATIONS.code(name) for name in ("student", "retired"))
    cases = [out, studying, retired, FREELANCE[occupation]]
    codes = [EMPLOYMENT.code(name) for name in ("unemployed", "studying", "retired", "self_employed")]
    return np.select(cases, codes, EMPLOYMENT.code("employed")).astype(np.uint8)


def stated_income(day: Day, state: State, draws: Draws, rows: Ints, where: str) -> Floats:
    """What people say they earn: rounded, noisy, and more than it is where willingness is low."""
    who = state.people.kept(rows)
    padded = np.clip(0.05 - 0.06 * who.willingness, 0, 0.4)
    said = who.income_cents / 100 * np.exp(padded + 0.12 * draws.normal(f"income.{where}", who.id, day.number))
    return np.asarray(np.round(said, -2), dtype=np.float64)


def _truth(state: State, rows: Ints, moment: Ints) -> Frame:
    who = state.people.kept(rows)
    same = (
        "group", "ability", "willingness", "literacy", "impulsivity", "reach", "digital", "taste_shop", "taste_health",
        "taste_study", "diverts", "shifted",
    )  # fmt: skip
    return {
        "customer_id": who.id,
        "income_cents": who.income_cents,
        "event_timestamp": moment,
        **{name: getattr(who, name) for name in same},
    }
