"""Complaints: what about, and in which words."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.fraud.identities import TAKEOVER
from simulation.process import Events, merged
from simulation.schema.behaviour import COMPLAINTS_ABOUT
from simulation.state import State

A_MONTH = np.array([0.0, 0.0012, 0.0, 0.0002, 0.0016, 0.0002, 0.0006])
"""Chance a month of a complaint about each matter, for reasons of its own (places in `COMPLAINTS_ABOUT`)."""
LATE, UNHAPPY = 0.02, 0.35
"""Chance a month of a complaint about collections while late; how much more the impulsive complain."""
NOTICED, NOTICES = 4, 0.85
"""A victim notices within so many days, this often."""
PLACES = 4
"""Complaints of a person on a day, at most."""
WORDS: dict[str, tuple[str, ...]] = {
    "contact_frequency": (
        "You write to me far too often.", "Third message this week. Please stop.", "I never agreed to these calls.",
        "Take me off your list.",
    ),
    "rate": (
        "My rate is higher than what was advertised.", "A friend pays less for the same loan.",
        "Nobody told me about the fee that was kept back.",
    ),
    "collections": (
        "The caller was rude and threatened me.", "I was called at work about a late instalment.",
        "I had already paid when you called.",
    ),
    "decision": ("I was declined and nobody tells me why.", "Your decision must be wrong; please look again."),
    "app": (
        "The app closes when I upload a document.", "I cannot sign in since the update.", "My balance is wrong.",
    ),
    "fraud": (
        "Money left my account that I did not send.", "Somebody signed in as me during the night.",
        "I do not know the account this money went to.",
    ),
    "data": ("Who gave you my number?", "Please tell me what data you keep about me."),
}  # fmt: skip
TEXTS = [np.array(WORDS[about]) for about in COMPLAINTS_ABOUT]
ABOUT = {name: COMPLAINTS_ABOUT.code(name) for name in COMPLAINTS_ABOUT}


class Complaints:
    """Those that no contact has caused; the contacts' own come with them."""

    name = "complaints"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's complaints."""
        rows, about = _usual(day, state, draws)
        victims = _victims(day, state, draws)
        parts = [(rows, about, 2), (victims, np.full(len(victims), ABOUT["fraud"]), 3)]
        return merged([{"complaints": _at_noon(day, state, draws, *part)} for part in parts])


def complaint_rows(day: Day, state: State, draws: Draws, rows: Ints, about: Array, seconds: Array, place: int) -> Frame:
    """Complaints of people, at most one a day for each place."""
    _, first = np.unique(rows, return_index=True)
    rows, about, seconds = rows[first], about[first], seconds[first]
    ids = (state.people.id[rows] * 32_768 + (day.number - Day.on(state.scenario.start).number)) * PLACES
    # Shuffled by day, so that an id does not tell a victim's complaint from others.
    ids += place ^ draws.below(PLACES, "complaints.place", ids)
    text = np.zeros(len(rows), dtype="U80")
    for code, texts in enumerate(TEXTS):
        mine = np.flatnonzero(about == code)
        text[mine] = texts[draws.below(len(texts), "complaints.text", ids[mine])]
    return {
        "complaint_id": ids,
        "customer_id": state.people.id[rows],
        "about": about,
        "text": text,
        "event_timestamp": day.at(seconds),
    }


def _at_noon(day: Day, state: State, draws: Draws, rows: Ints, about: Array, place: int) -> Frame:
    seconds = 30_000 + draws.below(40_000, "complaints.second", state.people.id[rows], day.number)
    return complaint_rows(day, state, draws, rows, about, seconds, place)


def _usual(day: Day, state: State, draws: Draws) -> tuple[Ints, Ints]:
    """Borrowers complain about rates, applicants about decisions, the late about collections, all about the app."""
    people, scale = state.people, state.scenario.marketing.complaints
    late = np.bincount(state.loans.row, state.loans.billed > state.loans.paid, len(people)) > 0
    owes = state.finances.owed_cents > 0
    level = draws.uniform("complaints.any", people.id, day.number)
    usual = A_MONTH.sum() + LATE * late
    chance = usual * scale * np.exp(UNHAPPY * people.impulsivity) / 30.4
    rows = np.flatnonzero((level < chance) & state.present(day.number))
    weights = np.tile(A_MONTH, (len(rows), 1))
    weights[:, ABOUT["rate"]] *= owes[rows]
    weights[:, ABOUT["decision"]] *= state.finances.applied[rows] > 0
    weights[:, ABOUT["collections"]] = LATE * late[rows]
    return rows, draws.choice(weights, "complaints.about", people.id[rows], day.number)


def _victims(day: Day, state: State, draws: Draws) -> Ints:
    """Who was taken over notices in the days after."""
    people = state.people
    rows = np.flatnonzero((people.pattern == TAKEOVER) & (people.strikes <= day.number))
    rows = rows[people.strikes[rows] > day.number - NOTICED - 1]
    ids = people.id[rows]
    on = people.strikes[rows] + 1 + draws.below(NOTICED, "complaints.notices", ids)
    notices = (on == day.number) & draws.happens(NOTICES, "complaints.fraud", ids) & ~state.finances.blocked[rows]
    return np.asarray(rows[notices], dtype=np.int64)
