"""Devices: fingerprints from a person's seed, so that people with one seed share theirs."""

import numpy as np

from simulation.columns import Array, Ints, Words
from simulation.draws import STEP_K, mixed


def device_ids(seeds: Words, number: Array) -> Ints:
    """The first or second device of people with these seeds."""
    return np.asarray(mixed(seeds + number.astype(np.uint64) * STEP_K) >> np.uint64(20), dtype=np.int64)
