"""Outside accounts: of the honest, mules, clients, intermediaries. One hashed range, so that an id tells nothing."""

import numpy as np

from simulation.columns import Ints, Words
from simulation.draws import Draws

BASE = 100_000_000_000
"""Above the ids of customers, merchants, employers and billers."""
CREDITORS = 97


def account_ids(words: Words) -> Ints:
    """The account that belongs to 64 random bits: the same bits, the same account."""
    return np.asarray(BASE + (words >> np.uint64(20)).astype(np.int64), dtype=np.int64)


def creditors(draws: Draws, ids: Ints) -> Ints:
    """The account of the other lender that each person deals with."""
    return account_ids(draws.words("income.creditor", ids % CREDITORS))
