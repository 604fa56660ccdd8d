"""The funnel: how those who apply in the app come to it, and sign what they are offered."""

import numpy as np

from simulation.access import logins
from simulation.calendar import Day
from simulation.columns import Array, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending.applications import channels, moments
from simulation.marketing.contacts import WINDOW, Contacts
from simulation.marketing.visits import MOST
from simulation.process import Events, merged
from simulation.schema.behaviour import EVENTS, RESPONSES
from simulation.schema.lending import CHANNELS
from simulation.state import State

APPLIES, SIGNS = logins.MOST, logins.MOST + 1
"""Places of a day's sessions in which an application is made, and a contract signed."""
BEFORE = (("open", 420), ("view_offer", 380), ("start_form", 330), ("upload_document", 120), ("submit_form", 0))
"""Steps to an application, and how many seconds before it is sent each is taken."""
AFTER = (("open", 0), ("view_contract", 20), ("sign", 110))


class Funnel:
    """Runs behind the applications: today's are known."""

    name = "funnel"

    def begin(self, state: State, draws: Draws) -> None:
        """Nobody has applied in the app."""
        state.own[self.name] = {"in_app": np.zeros(len(state.people), dtype=np.bool_)}

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Steps of those who apply or sign today, and the contacts that led to an application."""
        requests = state.requests
        today = np.flatnonzero(requests.day == day.number)
        rows, ids = requests.row[today], requests.id[today]
        sent = moments(day, state, draws, rows)
        in_app = channels(day, state, draws, rows, requests.purpose[today]) == CHANNELS.code("app")
        signed = _signed(day, state, draws)
        state.own[self.name]["in_app"][rows] = in_app
        parts = _steps(day, state, draws, rows[in_app], ids[in_app], sent[in_app])
        return merged([*parts, *signed, {"responses": _led(day, state, rows, sent)}])


def _steps(day: Day, state: State, draws: Draws, rows: Ints, application: Ints, sent: Ints) -> list[Events]:
    session = logins.login_ids(day, state, draws, state.people.id[rows], APPLIES)
    return [
        {"app_events": _step(day, state, rows, session, place, name, np.maximum(sent - before, 0), application)}
        for place, (name, before) in enumerate(BEFORE)
    ]


def _signed(day: Day, state: State, draws: Draws) -> list[Events]:
    """Loans paid out today that were applied for in the app were signed there this morning."""
    loans = state.loans
    new = np.flatnonzero((loans.opened == day.number) & state.own[Funnel.name]["in_app"][loans.row])
    _, first = np.unique(loans.row[new], return_index=True)
    rows, ids = loans.row[new][first], loans.id[new][first]
    begins = 28_800 + draws.below(6_000, "funnel.second", ids)
    session = logins.login_ids(day, state, draws, state.people.id[rows], SIGNS)
    return [
        {"app_events": _step(day, state, rows, session, place, name, begins + after, ids)}
        for place, (name, after) in enumerate(AFTER)
    ]


def _step(day: Day, state: State, rows: Ints, session: Ints, place: int, name: str, seconds: Ints, item: Ints) -> Frame:
    size = len(rows)
    told: Array = item if name in {"submit_form", "view_contract", "sign"} else np.zeros(size, dtype=np.int64)
    return {
        "event_id": session * MOST + place,
        "customer_id": state.people.id[rows],
        "session_id": session,
        "event": np.full(size, EVENTS.code(name), dtype=np.uint8),
        "topic": np.zeros(size, dtype=np.uint8),
        "item_id": told,
        "seconds": np.full(size, 30, dtype=np.int32),
        "event_timestamp": day.at(seconds),
    }


def _led(day: Day, state: State, rows: Ints, sent: Ints) -> Frame:
    """Contacts clicked in the two weeks before an application; each counts once."""
    own = state.own[Contacts.name]
    led = (own["clicked"][rows] > 0) & (own["clicked_on"][rows] > day.number - WINDOW)
    contact = own["clicked"][rows[led]]
    own["clicked"][rows[led]] = 0
    return {
        "contact_id": contact,
        "customer_id": state.people.id[rows[led]],
        "response": np.full(int(led.sum()), RESPONSES.code("applied"), dtype=np.uint8),
        "event_timestamp": day.at(sent[led]),
    }


assert SIGNS < 16
