"""Randomness without state: a draw belongs to a person, a day and a purpose, never to a sequence.

`u = mix(key(seed, stream, day) + id · A + k · B)`, with the finalizer of SplitMix64 (Steele, Lea, Flood 2014). So a
world is the same however its people are divided and whatever was drawn before; a run resumes without a generator's
state; and two policies on one world meet the same luck (common random numbers).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulation.columns import Array, Flags, Floats, Ints, Words

STEP_ID = np.uint64(0x9E3779B97F4A7C15)
STEP_K = np.uint64(0xD1342543DE82EF95)
"""Odd and unrelated, so that no two (id, k) of a world meet."""
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


def mixed(words: Words) -> Words:
    """SplitMix64's finalizer: every bit of the result depends on every bit given."""
    words = words ^ (words >> np.uint64(30))
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


@lru_cache(maxsize=4096)
def _key(seed: int, stream: str, day: int) -> np.uint64:
    digest = hashlib.blake2b(f"{seed}/{stream}/{day}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


@dataclass(frozen=True)
class Draws:
    """Draws of one world. `stream` names the purpose, `ids` whose draws they are, `k` which of several in a day."""

    seed: int

    def words(self, stream: str, ids: Array, day: int = 0, k: Array | int = 0) -> Words:
        """64 random bits for each id."""
        words = ids.astype(np.uint64)
        words *= STEP_ID
        words += _key(self.seed, stream, int(day))
        if isinstance(k, np.ndarray):
            words += k.astype(np.uint64) * STEP_K
        elif k:
            words += np.uint64((k * int(STEP_K)) & 0xFFFFFFFFFFFFFFFF)
        return mixed(words)

    def uniform(self, stream: str, ids: Array, day: int = 0, k: Array | int = 0) -> Floats:
        """Uniform on [0, 1)."""
        return uniform_of(self.words(stream, ids, day, k))

    def happens(self, chance: Array | float, stream: str, ids: Array, day: int = 0, k: Array | int = 0) -> Flags:
        """Whether something of this chance happens to each."""
        return self.uniform(stream, ids, day, k) < chance

    def normal(self, stream: str, ids: Array, day: int = 0, k: Array | int = 0) -> Floats:
        """Standard normal."""
        return normal_of(self.words(stream, ids, day, k))

    def exponential(self, stream: str, ids: Array, day: int = 0, k: Array | int = 0) -> Floats:
        """Exponential with mean 1."""
        return np.asarray(-np.log1p(-self.uniform(stream, ids, day, k)), dtype=np.float64)

    def below(self, high: Array | int, stream: str, ids: Array, day: int = 0, k: Array | int = 0) -> Ints:
        """Whole numbers from 0 to `high` - 1, evenly."""
        return (self.uniform(stream, ids, day, k) * high).astype(np.int64)

    def choice(
        self, weights: Sequence[float] | Array, stream: str, ids: Array, day: int = 0, k: Array | int = 0
    ) -> Ints:
        """Index into `weights`, as often as its weight; weights of shape (n,), or (ids, n) for each id its own."""
        cumulated = np.cumsum(np.asarray(weights, dtype=np.float64), axis=-1)
        level = self.uniform(stream, ids, day, k) * cumulated[..., -1]
        if cumulated.ndim == 1:
            return np.asarray(np.searchsorted(cumulated[:-1], level, side="right"), dtype=np.int64)
        return np.asarray((level[:, None] >= cumulated[:, :-1]).sum(axis=1), dtype=np.int64)

    def poisson(self, mean: Array, stream: str, ids: Array, day: int = 0, k: Array | int = 0) -> Ints:
        """Poisson counts by inversion: meant for means up to some tens."""
        level = self.uniform(stream, ids, day, k)
        term = np.exp(-np.broadcast_to(np.asarray(mean, dtype=np.float64), level.shape))
        total, counts, step = term.copy(), np.zeros(level.shape, dtype=np.int64), 0
        while (above := level >= total).any() and step < 1000:
            step += 1
            counts += above
            term = term * mean / step
            total += term
        return counts


def uniform_of(words: Words) -> Floats:
    """Uniform on [0, 1) from 64 random bits."""
    return np.asarray((words >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def normal_of(words: Words) -> Floats:
    """Standard normal from 64 random bits: Box and Muller on the two halves, out to 6.6 deviations."""
    radius = np.sqrt(-2.0 * np.log(((words >> HALF) + 0.5) * 2.0**-32))
    return np.asarray(radius * np.cos((words & LOW) * (2.0 * np.pi * 2.0**-32)), dtype=np.float64)
