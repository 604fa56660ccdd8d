"""Households: pairs of people who live together and share an address, and some of them a device or an account."""

import numpy as np

from simulation.columns import Array, Flags, Ints
from simulation.draws import Draws
from simulation.people.people import People

TOGETHER = 0.9
"""Chance that two who are matched and alike live together."""
YEARS_APART = 15 * 365
SHARES_DEVICE, SHARES_PAYEE = 0.25, 0.2
MARRIED = 1


def partner(draws: Draws, ids: Array, block: int) -> Ints:
    """Each one's match within a block of ids; matching is mutual."""
    first = ids // block * block
    mask = 1 + draws.below(block - 1, "people.match", ids // block)
    return np.asarray(first + ((ids - first) ^ mask), dtype=np.int64)


def settle(people: People, draws: Draws, block: int) -> None:
    """Make households of whole blocks of people; the later one moves in with the earlier."""
    other = partner(draws, people.id, block)
    at = other - people.id[0]
    together = _together(people, draws, at, np.minimum(people.id, other))
    moves = together & (people.id > other)
    people.marital[together] = MARRIED
    for name in ("region", "postcode", "address_seed"):
        getattr(people, name)[moves] = getattr(people, name)[at[moves]]
    for name, share in (("device_seed", SHARES_DEVICE), ("payee_seed", SHARES_PAYEE)):
        shares = np.flatnonzero(moves & draws.happens(share, f"people.shares.{name}", people.id))
        getattr(people, name)[shares] = getattr(people, name)[at[shares]]


def live_together(people: People, draws: Draws, block: int) -> Flags:
    """Who of whole blocks of people lives with their match."""
    at = partner(draws, people.id, block) - people.id[0]
    return np.asarray((people.address_seed == people.address_seed[at]) & (people.pattern == 0), dtype=np.bool_)


def _together(people: People, draws: Draws, at: Ints, pair: Ints) -> Flags:
    alike = (people.tier == people.tier[at]) & (people.group == people.group[at])
    alike &= np.abs(people.birth - people.birth[at]) < YEARS_APART
    return np.asarray(alike & (pair > 0) & draws.happens(TOGETHER, "people.together", pair), dtype=np.bool_)
