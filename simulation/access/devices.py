"""Devices: fingerprints from a person's seed, so that people with one seed share theirs."""

import numpy as np

from simulation.columns import Array, Ints, Words
from simulation.draws import STEP_K, Draws, mixed

AT_TERMINAL = 0.1
"""Share of applications through partners that are typed in at the shop: one device, many customers, no fraud."""


def device_ids(seeds: Words, number: Array) -> Ints:
    """The first or second device of people with these seeds."""
    return np.asarray(mixed(seeds + number.astype(np.uint64) * STEP_K) >> np.uint64(20), dtype=np.int64)


def terminal_ids(draws: Draws, partners: Array) -> Ints:
    """The device at a partner's counter."""
    return device_ids(draws.words("devices.terminal", partners), np.zeros(len(partners), dtype=np.int64))
