"""Default policies ask the usual price, which follows the base rate, and contact people as often as the rules allow."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from benchmarks.lending_world import LendingWorld
from simulation.calendar import Day
from simulation.lending.products import usual_rate
from simulation.marketing.campaigns import Campaigns
from simulation.policies import approve_all
from simulation.scenarios.scenario import MarketingPlan, parsed
from simulation.waiting import waiting

START, LAST = date(2024, 1, 1), date(2024, 1, 31)
SHOCK = {"name": "mine", "about": "A test.", "economy": {"rate_shock": {"month": 1, "points": 3.0}}}


def test_the_default_price_follows_the_base_rate() -> None:
    world, rates = LendingWorld(4_000, parsed(SHOCK, "mine")), []
    for months in (1, 1):
        world.run(months, approve_all())
        state = world.world.state
        asked = waiting(state, Day(world._next.number - 1))
        answers = approve_all().decide(Day(world._next.number - 1), asked).approvals
        assert len(answers) > 3
        usual = usual_rate(asked.applications["purpose"].to_physical().to_numpy(), state.climate.base_rate)
        assert np.allclose(answers["rate"].to_numpy(), usual)
        rates.append(dict(zip(asked.applications["purpose"].cast(pl.String), answers["rate"], strict=True))["cash"])
    assert rates[1] - rates[0] == pytest.approx(0.03)


def test_a_price_is_never_below_nothing_however_low_the_base_rate() -> None:
    falls = {"base_rate": -0.1, "rate_shock": {"month": 0, "points": -100.0}}
    world = LendingWorld(400, parsed({**SHOCK, "economy": falls}, "mine")).run(1, approve_all())
    assert set(world.rows("decisions")["rate"]) == {0.0}


def test_no_more_contacts_in_a_month_than_the_rules_allow() -> None:
    campaigns, audience = Campaigns(MarketingPlan(contacts_a_month=6)), pl.DataFrame({"customer_id": range(1, 201)})
    for cap, most in ((30, 6), (4, 4)):
        days = (Day(Day.on(date(2024, 2, 29)).number + number) for number in range(31))
        sent = pl.concat([campaigns.contacts(day, audience, cap) for day in days])
        assert sent["customer_id"].value_counts()["count"].max() == most


def test_tomorrows_rules_are_known_today() -> None:
    rules = [{"month": 1, "rule": "contact_cap_month", "value": 2.0}]
    world = LendingWorld(20, parsed({"name": "mine", "about": "A test.", "rules": rules}, "mine"))
    known = [waiting(world.world.state, Day.on(day)).rules["contact_cap_month"] for day in (START, LAST)]
    assert known == [30.0, 2.0]
