"""Logins: who signs in, when, from which device and address."""

import numpy as np

from simulation.access.devices import device_ids
from simulation.calendar import Day
from simulation.columns import Array, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.fraud.disguise import EMULATED, ROOTED
from simulation.fraud.intent import strikers
from simulation.process import Events
from simulation.schema.behaviour import LOGIN_RESULTS
from simulation.state import State

A_DAY = 0.17
SECOND_DEVICE = 0.12
AWAY = 0.03
SYSTEM_SHARES = (0.745, 0.24, 0.015)
"""Of Android, iOS and all others."""
BUSY = 4.0
"""How much more often fraudsters sign in when they strike."""
MOST = 12
"""Attempts of the customer's own a day, at most."""
STRANGERS, PLACES = 16, 32
"""Places of a day from which on strangers' attempts are numbered; of all attempts and sessions of a person's day."""
HOURS = np.array(
    [8, 4, 2, 1, 1, 3, 14, 30, 38, 36, 34, 38, 46, 38, 32, 32, 34, 40, 48, 60, 70, 66, 46, 22], dtype=float
)


class Logins:
    """Signs people in; the first login from a device tells the device."""

    name = "logins"

    def begin(self, state: State, draws: Draws) -> None:
        """Nobody has used a device yet."""
        state.own[self.name] = {"seen": np.zeros((2, len(state.people)), dtype=np.bool_)}

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's logins, at most a handful a person."""
        people, (rows, within) = state.people, attempts(day, state, draws)
        second = draws.happens(SECOND_DEVICE, "logins.device", people.id[rows], day.number, within)
        events = {"logins": _rows(day, state, draws, rows, within, second.astype(np.int64))}
        return {
            **events,
            "devices": _devices(state, draws, rows, second, events["logins"], state.own[self.name]["seen"]),
        }


def attempts(day: Day, state: State, draws: Draws) -> tuple[Ints, Ints]:
    """Who signs in today, and which of the day's attempts it is: the same whoever asks."""
    people = state.people
    usual = A_DAY * np.exp(0.6 * people.digital + 0.3 * state.finances.strain)
    usual[strikers(state, day)] *= BUSY
    counts = draws.poisson(np.where(state.present(day.number), usual, 0), "logins.count", people.id, day.number)
    counts = np.minimum(counts, MOST)
    rows = np.repeat(np.arange(len(people)), counts)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)


def login_ids(day: Day, state: State, draws: Draws, ids: Ints, within: Array | int) -> Ints:
    """Ids of a day's attempts; the places from `MOST` on are free for sessions that are not logins.

    Each person's day shuffles its places, so that an id does not tell whose attempt it is.
    """
    shuffled = within ^ (draws.words("logins.place", ids, day.number) % np.uint64(PLACES)).astype(np.int64)
    opening = Day.on(state.scenario.start).number
    return np.asarray((ids * 32_768 + (day.number - opening)) * PLACES + shuffled, dtype=np.int64)


def moments(day: Day, draws: Draws, ids: Ints, within: Ints) -> Ints:
    """At which second of the day each attempt is made."""
    hour = draws.choice(HOURS, "logins.hour", ids, day.number, within)
    return hour * 3600 + draws.below(3600, "logins.second", ids, day.number, within)


def results(day: Day, draws: Draws, ids: Ints, within: Ints) -> Array:
    """What comes of each attempt, as codes."""
    return draws.choice((0.955, 0.035, 0.002, 0.008), "logins.result", ids, day.number, within).astype(np.uint8)


def _rows(day: Day, state: State, draws: Draws, rows: Ints, within: Ints, device: Ints) -> Frame:
    people, ids = state.people.kept(rows), state.people.id[rows]
    away = draws.happens(AWAY, "logins.away", ids, day.number, within)
    region = np.where(away, draws.below(10, "logins.region", ids, day.number, within), people.region)
    home = (state.now("address_seed")[rows] >> np.uint64(24)).astype(np.int64)
    result = results(day, draws, ids, within)
    length = 90 * draws.exponential("logins.length", ids, day.number, within)
    return {
        "login_id": login_ids(day, state, draws, ids, within),
        "customer_id": ids,
        "device_id": device_ids(people.device_seed, device),
        "ip_region": region.astype(np.uint8),
        "ip_id": np.where(away, draws.below(2**32, "logins.ip", ids, day.number, within), home),
        "result": result,
        "seconds": np.where(result == LOGIN_RESULTS.code("success"), length, 0).astype(np.int32),
        "event_timestamp": day.at(moments(day, draws, ids, within)),
    }


def _devices(state: State, draws: Draws, rows: Ints, second: Array, logins: Frame, seen: Array) -> Frame:
    """Devices not seen before, each at the first of today's logins from it."""
    which = second.astype(np.int64)
    _, first = np.unique(rows * 2 + which, return_index=True)
    first = first[~seen[which[first], rows[first]]]
    seen[which[first], rows[first]] = True
    ids = logins["device_id"][first]
    price = np.clip(np.round(2 + state.people.ability[rows[first]] + draws.normal("devices.price", ids)), 0, 4)
    return {
        "device_id": ids,
        "customer_id": logins["customer_id"][first],
        "system": draws.choice(SYSTEM_SHARES, "devices.system", ids).astype(np.uint8),
        "price_class": price.astype(np.uint8),
        "emulator": draws.happens(EMULATED[state.people.pattern[rows[first]]], "devices.emulator", ids),
        "rooted": draws.happens(ROOTED[state.people.pattern[rows[first]]], "devices.rooted", ids),
        "event_timestamp": logins["event_timestamp"][first],
    }
