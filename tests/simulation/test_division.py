"""With fraud, contacts and friends across its borders, any division of the people gives the same rows."""

import polars as pl

from simulation.calendar import Day, days
from simulation.decisions import Decisions
from simulation.policies import chosen
from simulation.process import merged
from simulation.schema import TABLES
from simulation.waiting import together, waiting
from simulation.world import World
from tests.simulation.lures import scenario

DAYS, REFERENCE = 12, {"merchants", "partners", "economy", "regulations", "true_economy"}


def lived(*spans: tuple[int, int]) -> dict[str, pl.DataFrame]:
    plan = scenario(population={"joining_months": 1})
    worlds = [World(plan, 5, *span) for span in spans]
    policy, decisions, events = chosen("approve_all", plan), Decisions(), []
    for _, day in zip(range(DAYS), days(plan.start, 1), strict=False):
        events.append(merged(world.step(day, decisions) for world in worlds))
        decisions = policy.decide(day, together([waiting(world.state, Day(day.number)) for world in worlds]))
    return {name: TABLES[name].frame(rows) for name, rows in merged(events).items()}


def test_any_division_gives_the_same_rows() -> None:
    whole, parts = lived((1, 400)), lived((1, 150), (151, 77), (228, 173))
    assert set(whole) == set(parts)
    assert {"true_fraud", "contacts", "app_events", "orders", "relations", "complaints"} <= set(whole)
    for name in set(whole) - REFERENCE:
        key = list(TABLES[name].key)
        assert whole[name].sort(key).equals(parts[name].sort(key)), name
        assert whole[name].select(key).is_duplicated().sum() == 0, f"{name}: the key names each row"
