"""Takeovers: a stranger guesses the password at night, signs in from a new device and empties the account."""

import numpy as np

from simulation.access.devices import device_ids
from simulation.access.logins import STRANGERS, login_ids
from simulation.calendar import Day
from simulation.columns import Frame, Ints, Words
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.fraud.identities import TAKEOVER, THIEF_BLOCK
from simulation.money.accounts import account_ids
from simulation.process import Events
from simulation.schema.behaviour import LOGIN_RESULTS
from simulation.schema.money import Kind, Party, Way
from simulation.state import State

TRIES = 5
"""Attempts to sign in: wrong passwords, a reset, and then success."""
BY_TRANSFER = (0.45, 0.3, 0.2)
"""Shares of what is there that each transfer takes."""
LEAST_CENTS = 50_00
NIGHT_SECONDS = 18_000
RESULTS = np.array([LOGIN_RESULTS.code(name) for name in ("wrong_password",) * 3 + ("reset", "success")], np.uint8)


class Takeovers:
    """Strikes victims on their day."""

    name = "takeovers"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Tonight's takeovers: the traces they leave in logins, devices and transactions."""
        people = state.people
        hit = (people.pattern == TAKEOVER) & (people.strikes == day.number) & ~state.finances.blocked
        rows = np.flatnonzero(hit)
        if len(rows) == 0:
            return {}
        thief = draws.words("takeovers.thief", people.id[rows] // THIEF_BLOCK)
        begins = 3_600 + draws.below(NIGHT_SECONDS, "takeovers.second", people.id[rows])
        _drain(state, rows, thief, begins)
        logins = _logins(day, state, draws, rows, thief, begins)
        return {"logins": logins, "devices": _device(day, draws, logins, len(rows))}


def _drain(state: State, rows: Ints, thief: Words, begins: Ints) -> None:
    """Savings first come onto the current account; then most of it goes to the thief's mule."""
    finances, ids = state.finances, state.people.id[rows]
    saved = np.maximum(finances.savings_cents[rows] * 3 // 4, 0)
    finances.savings_cents[rows] -= saved
    state.postings.post(rows, saved, kind=Kind.SAVING, party=Party.OWN_SAVINGS, party_id=ids, seconds=begins + 300,
                        way=Way.TRANSFER)  # fmt: skip
    there, mule = np.maximum(finances.current_cents[rows], 0) + saved, account_ids(thief)
    for number, share in enumerate(BY_TRANSFER):
        cents = (there * share).astype(np.int64)
        some = np.flatnonzero(cents > LEAST_CENTS)
        state.postings.post(
            rows[some], -cents[some], kind=Kind.TRANSFER_OUT, party=Party.OUTSIDE_ACCOUNT, party_id=mule[some],
            seconds=(begins + 420 + 90 * number)[some], way=Way.TRANSFER,
        )  # fmt: skip


def _logins(day: Day, state: State, draws: Draws, rows: Ints, thief: Words, begins: Ints) -> Frame:
    number = np.tile(np.arange(TRIES), len(rows))
    victim = np.repeat(rows, TRIES)
    ids = state.people.id[victim]
    device = np.repeat(device_ids(thief, np.zeros(len(rows), dtype=np.int64)), TRIES)
    result = RESULTS[number]
    return {
        "login_id": login_ids(day, state, draws, ids, STRANGERS + number),
        "customer_id": ids,
        "device_id": device,
        "ip_region": draws.below(10, "takeovers.region", ids // THIEF_BLOCK).astype(np.uint8),
        "ip_id": np.repeat((thief >> np.uint64(24)).astype(np.int64), TRIES),
        "result": result,
        "seconds": np.where(number == TRIES - 1, 800, 0).astype(np.int32),
        "event_timestamp": day.at(np.repeat(begins, TRIES) + 45 * number),
    }


def _device(day: Day, draws: Draws, logins: Frame, victims: int) -> Frame:
    """Each victim's first row from the thief's device."""
    first = np.arange(victims) * TRIES
    ids = logins["device_id"][first]
    return {
        "device_id": ids,
        "customer_id": logins["customer_id"][first],
        "system": np.zeros(victims, dtype=np.uint8),
        "price_class": np.full(victims, 1, dtype=np.uint8),
        "emulator": draws.happens(0.4, "takeovers.emulator", ids),
        "rooted": draws.happens(0.4, "takeovers.rooted", ids),
        "event_timestamp": logins["event_timestamp"][first],
    }


assert len(RESULTS) == TRIES
