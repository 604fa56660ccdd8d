"""A simulated world of lending, fraud and marketing in memory: all but the daily money."""

import polars as pl

from benchmarks.lending_world import STEPS, LendingWorld
from simulation.access.logins import Logins
from simulation.fraud.takeovers import Takeovers
from simulation.lending.applications import Applications
from simulation.marketing.baskets import Baskets
from simulation.marketing.complaints import Complaints
from simulation.marketing.contacts import Contacts
from simulation.marketing.funnel import Funnel
from simulation.marketing.holdings import Holdings
from simulation.marketing.patterns import Patterns
from simulation.marketing.visits import Visits
from simulation.people.relations import Relations
from simulation.policies import chosen
from simulation.process import Process
from simulation.scenarios.scenario import Scenario, load

BEFORE: tuple[type[Process], ...] = (Relations, Patterns, Contacts)
AFTER: tuple[type[Process], ...] = (Takeovers, Logins, Visits, Funnel, Baskets, Complaints, Holdings)
assert Applications in STEPS


def lures_world(
    customers: int, months: int, scenario: str | Scenario = "quiet", seed: int = 1, policy: str = "approve_all"
) -> LendingWorld:
    """So many months of a world, with the default contacts."""
    plan = load(scenario) if isinstance(scenario, str) else scenario
    world = LendingWorld(customers, plan, seed, [*BEFORE, *STEPS, *AFTER])
    return world.run(months, chosen(policy, plan))


def words(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Enumerated columns as strings."""
    return frame.with_columns(pl.col(columns).cast(pl.String))
