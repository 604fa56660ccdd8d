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


def test_orders_that_are_mistaken_do_the_same_in_any_division() -> None:
    """Prices for loans of somebody else change nothing, and of two contacts with one id the first is made."""
    plan = scenario(population={"at_start": 1.0, "borrowers_at_start": 1.0})
    first, second, *_ = days(plan.start, 1)
    for spans in (((1, 400),), ((1, 150), (151, 250))):
        worlds = [World(plan, 5, *span) for span in spans]
        begun = merged(world.step(first, Decisions()) for world in worlds)
        loans = pl.DataFrame({name: begun["loans"][name] for name in ("loan_id", "customer_id")})
        anothers = loans.with_columns(customer_id=401 - pl.col("customer_id"), rate=0.0)
        contacts = pl.DataFrame({
            "contact_id": [7, 7], "customer_id": [300, 100], "campaign_id": [1, 1], "channel": ["sms", "sms"],
            "offer": ["cash_loan", "cash_loan"],
        })  # fmt: skip
        orders = Decisions(prices=anothers, contacts=contacts)
        told = merged(world.step(second, orders) for world in worlds)
        assert len(loans) > 100
        assert "loans" not in told
        assert list(told["contacts"]["customer_id"]) == [300]
