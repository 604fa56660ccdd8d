"""Rings: who belongs to one, found by hashing ids, so that it takes nobody else's state.

Ids come in blocks; a block has one ring or none. `(offset · odd + start) mod block` is a person's place in a shuffled
block, and the first `size` places are the ring: sizes are exact, and members' ids lie scattered.
"""

from dataclasses import dataclass

import numpy as np

from simulation.columns import Array, Flags, Floats, Ints, Words
from simulation.draws import Draws
from simulation.scenarios.fraud import FraudPlan

BLOCK = 128
TAIL = 1.6
"""Pareto exponent of the sizes: most rings are small, a few large."""
GRID = 4096


@dataclass(frozen=True)
class Membership:
    """For each id: the ring (0: none), the place in it and its size."""

    ring: Ints
    place: Ints
    size: Ints


def membership(plan: FraudPlan, share: float, draws: Draws, ids: Array) -> Membership:
    """Who is in which ring, where so large a share of all people is in one."""
    block = ids // BLOCK
    size = _sizes(plan, draws.uniform("fraud.ring.size", block))
    exists = draws.happens(share * BLOCK / mean_size(plan), "fraud.ring.exists", block)
    place = places(draws, ids)
    member: Flags = exists & (place < size)
    return Membership(np.where(member, block + 1, 0), place, size)


def mate(draws: Draws, ids: Array, place: Array) -> Ints:
    """The id at a place of the ring that people belong to."""
    block = ids // BLOCK
    odd, start = _shuffle(draws, block)
    offset = ((place.astype(np.uint64) - start) * _inverse(odd)) % np.uint64(BLOCK)
    return np.asarray(block * BLOCK + offset.astype(np.int64), dtype=np.int64)


def mean_size(plan: FraudPlan) -> float:
    """Members of a ring, on average."""
    return float(_sizes(plan, (np.arange(GRID) + 0.5) / GRID).mean())


def _sizes(plan: FraudPlan, level: Floats) -> Ints:
    """Pareto from the smallest on, cut off at the largest."""
    return np.minimum(plan.smallest_ring * (1 - level) ** (-1 / TAIL), plan.largest_ring).astype(np.int64)


def places(draws: Draws, ids: Array) -> Ints:
    """People's places in their shuffled blocks."""
    odd, start = _shuffle(draws, ids // BLOCK)
    offset = (ids % BLOCK).astype(np.uint64)
    return ((offset * odd + start) % np.uint64(BLOCK)).astype(np.int64)


def _shuffle(draws: Draws, block: Array) -> tuple[Words, Words]:
    return draws.words("fraud.ring.step", block) | np.uint64(1), draws.words("fraud.ring.start", block)


def _inverse(odd: Words) -> Words:
    """The inverse of odd numbers modulo powers of two, by Newton's iteration: each round doubles the right bits."""
    found = odd.copy()
    for _ in range(3):
        found = found * (np.uint64(2) - odd * found)
    return found
