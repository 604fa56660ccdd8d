"""Outside accounts: of the honest, mules, clients, intermediaries. One hashed range, so that an id tells nothing."""

import numpy as np

from simulation.columns import Ints, Words

BASE = 100_000_000_000
"""Above the ids of customers, merchants, employers and billers."""


def account_ids(words: Words) -> Ints:
    """The account that belongs to 64 random bits: the same bits, the same account."""
    return np.asarray(BASE + (words >> np.uint64(20)).astype(np.int64), dtype=np.int64)
