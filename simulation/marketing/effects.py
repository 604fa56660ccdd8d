"""Effects: how much a contact with an offer makes a person want to apply; for some it does the opposite."""

import numpy as np

from simulation.columns import Array, Floats
from simulation.draws import Draws
from simulation.people.people import People
from simulation.schema.behaviour import CONTACT_CHANNELS, OFFERS

BASE = np.array([0.75, 0.5, 0.35, 0.4, 0.65, 0.1, 0.15, -0.25])
"""Log-demand that an offer adds for the average person (places in `OFFERS`)."""
TRAITS = ("taste_shop", "taste_health", "taste_study", "impulsivity", "literacy", "ability")
LOADINGS = np.array([
    # shop  health  study  impulse literacy ability
    [0.00,  0.00,  0.00,  0.32, -0.18, -0.22],
    [0.60,  0.00,  0.00,  0.14,  0.00,  0.00],
    [0.00,  0.65,  0.00,  0.00,  0.00,  0.00],
    [0.00,  0.00,  0.65,  0.00,  0.08,  0.08],
    [0.08,  0.08,  0.08,  0.00,  0.30,  0.08],
    [0.00,  0.00,  0.00, -0.08,  0.18,  0.24],
    [0.00,  0.00,  0.08, -0.18, -0.25,  0.00],
    [0.00,  0.00,  0.00,  0.00,  0.00, -0.15],
])  # fmt: skip
"""How an offer's effect follows people's traits."""
OWN = 0.4
"""Deviation of what is a person's own about an offer."""
STRENGTH = np.array([0.75, 0.85, 0.6, 1.35, 1.6, 0.7])
COST = np.array([0.002, 0.05, 0.01, 3.0, 25.0, 0.001])
DELIVERED = np.array([0.8, 0.97, 0.9, 0.55, 0.8, 0.45])
"""By channel (places in `CONTACT_CHANNELS`): how strongly it acts, what it costs, how often it arrives."""
UNWANTED = -1.0
"""Added for those who have not agreed to be contacted, or have had enough."""
TIRED = 0.9
"""What full fatigue takes away beyond the effect itself: a contact too many puts people off."""


def demand(scale: float, draws: Draws, people: People, offer: Array, channel: Array, tired: Array) -> Floats:
    """Log-demand that a delivered contact adds to each of these people, as tired of contacts as they are."""
    traits = np.stack([getattr(people, name) for name in TRAITS], axis=1)
    own = OWN * draws.normal("marketing.effect", people.id, 0, offer.astype(np.int64))
    wanted = (BASE[offer] + (LOADINGS[offer] * traits).sum(axis=1) + own) * STRENGTH[channel]
    return np.asarray(scale * (wanted * (1 - tired) - TIRED * tired), dtype=np.float64)


assert LOADINGS.shape == (len(OFFERS), len(TRAITS))
assert len(BASE) == len(OFFERS)
assert len(STRENGTH) == len(COST) == len(DELIVERED) == len(CONTACT_CHANNELS)
