"""Small worlds with much fraud and many contacts, in memory, each made once."""

from functools import lru_cache

from benchmarks.lending_world import LendingWorld
from benchmarks.lures_world import lures_world
from simulation.scenarios.scenario import Scenario, parsed

CUSTOMERS, MONTHS = 1_300, 4
FRAUD = {
    "stolen": 0.03, "synthetic": 0.03, "rings": 0.02, "bust_out": 0.03, "takeover": 0.03,
    "new_pattern": {"starts": "2024-03-01", "share": 0.03},
}  # fmt: skip
MARKETING = {"effect": 2.0, "contacts_a_month": 2, "held_out": 0.3, "patterns": 0.3}


def scenario(**changed: object) -> Scenario:
    """Fraud within a few months, and strong marketing."""
    plan = {"name": "lures", "about": "A test.", "population": {"joining_months": 5}, "fraud": FRAUD,
            "marketing": MARKETING}  # fmt: skip
    return parsed({**plan, **changed}, "a test")


@lru_cache(maxsize=1)
def lured() -> LendingWorld:
    """All of it at once."""
    return lures_world(CUSTOMERS, MONTHS, scenario())
