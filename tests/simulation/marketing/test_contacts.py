"""Contacts: effects have the stated sign and size, fatigue wears them out, hold-outs get nothing."""

import numpy as np
import polars as pl
import pytest

from benchmarks.lending_world import LendingWorld
from benchmarks.lures_world import BEFORE, STEPS
from benchmarks.simulation_marketing import contacted, effect
from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.marketing import complaints, effects
from simulation.people.population import settled
from simulation.scenarios.scenario import load, parsed
from simulation.schema.behaviour import CONTACT_CHANNELS, OFFERS
from tests.simulation.lures import lured, scenario

SIZE = 4_000


def demand(offer: str, tired: float = 0.0) -> np.ndarray:
    people, ones = settled(load("quiet"), Draws(1), 1, SIZE), np.ones(SIZE, dtype=np.int64)
    channel = ones * CONTACT_CHANNELS.code("sms")
    return effects.demand(1.0, Draws(1), people, ones * OFFERS.code(offer), channel, np.full(SIZE, tired))


def test_effects_differ_by_person_and_some_are_negative() -> None:
    loan, help_ = demand("cash_loan"), demand("repayment_help")
    assert loan.mean() > 0.3 > 0 > help_.mean()
    assert 0.02 < (loan < 0).mean() < 0.3
    assert loan.std() > 0.2


def test_fatigue_turns_an_effect_round() -> None:
    fresh, tired, worn = (demand("cash_loan", level).mean() for level in (0.0, 0.5, 1.0))
    assert fresh > tired > worn
    assert worn < 0


def test_the_hold_out_finds_the_truth() -> None:
    found = effect(contacted(lured()))
    assert found.treated > 1_500
    assert found.held_out > 600
    assert found.true > 0.01
    assert abs(found.found - found.true) < 1.6 * found.half_width


def test_who_is_held_out_gets_nothing() -> None:
    held = lured().rows("contacts").filter(pl.col("held_out"))
    assert held["cost"].sum() == 0
    assert not held["delivered"].any()
    assert lured().rows("responses").join(held, on="contact_id").is_empty()


def test_responses_follow_the_funnel() -> None:
    counts = dict(lured().rows("responses").cast({"response": pl.String}).group_by("response").len().iter_rows())
    sent = lured().rows("contacts").filter(pl.col("delivered")).height
    assert sent > counts["opened"] > counts["clicked"] > counts["applied"] > 0


@pytest.mark.parametrize("held_out", [False, True])
def test_a_lender_contacts_people(held_out: bool) -> None:
    world = LendingWorld(300, scenario(), steps=[*BEFORE, *STEPS])
    before = world.world.state.finances.demand.copy()
    everyone = np.arange(1, 301)
    contacts = pl.DataFrame({
        "contact_id": everyone + 7_000, "customer_id": everyone, "campaign_id": np.ones(300, dtype=np.int32),
        "channel": ["call"] * 300, "offer": ["cash_loan"] * 300,
    })  # fmt: skip
    contacts = contacts.with_columns(held_out=True) if held_out else contacts
    world.step(Decisions(contacts=contacts))
    rows = world.rows("contacts")
    present = world.world.state.present(Day.on(scenario().start).number).sum()
    assert len(rows) == present
    assert rows["delivered"].any() != held_out
    moved = world.world.state.finances.demand.mean() - before.mean()
    assert (moved > 0.1) != held_out


def test_people_complain_about_everything() -> None:
    """Every matter has words, and a chance: by itself, or because someone was late, contacted or robbed."""
    caused = ("contact_frequency", "collections")
    assert all(complaints.A_MONTH[code] > 0 for name, code in complaints.ABOUT.items() if name not in caused)


def test_a_lender_makes_no_more_contacts_than_the_rules_allow() -> None:
    """Three a month: of five orders on each of two days the first three are carried out; the next month begins anew."""
    rules = {"rules": [{"rule": "contact_cap_month", "value": 3.0}], "population": {"at_start": 1.0}}
    world = LendingWorld(2, parsed({"name": "mine", "about": "A test.", **rules}, "mine"), steps=[*BEFORE, *STEPS])
    for day in range(32):
        first = 100 * day
        orders = pl.DataFrame({
            "contact_id": range(first, first + 5), "customer_id": [1, 2, 1, 1, 1], "campaign_id": [1] * 5,
            "channel": ["sms"] * 5, "offer": ["cash_loan"] * 5, "held_out": [False, False, True, False, False],
        })  # fmt: skip
        world.step(Decisions(contacts=orders) if day in {0, 1, 31} else Decisions())
    told = world.rows("contacts").filter(pl.col("customer_id") == 1)
    made, refused = (told.filter(pl.col("refused") == flag) for flag in (False, True))
    assert made["contact_id"].to_list() == [0, 2, 3, 3100, 3102, 3103]
    assert refused["contact_id"].to_list() == [4, 100, 102, 103, 104, 3104]
    assert refused["cost"].sum() == 0
    assert not refused["delivered"].any()
    assert set(world.rows("true_contacts").filter(pl.col("customer_id") == 1)["contact_id"]) == set(made["contact_id"])
    assert world.rows("responses").join(refused, on="contact_id").is_empty()
    assert world.rows("contacts").filter(pl.col("customer_id") == 2)["refused"].sum() == 0


def test_the_cap_of_the_scenario_binds() -> None:
    plan = load("regulation_change")
    cap = next(rule.value for rule in plan.rules if rule.rule == "contact_cap_month")
    assert plan.marketing.contacts_a_month > cap
