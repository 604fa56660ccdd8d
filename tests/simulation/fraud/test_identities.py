"""How much fraud there is, when it strikes, and what fraudsters share."""

from datetime import date, timedelta

import numpy as np
import pytest

from simulation.calendar import Day
from simulation.draws import Draws
from simulation.fraud.identities import BORROWS, BUST_OUT, MONTH, NEW, RING, STOLEN, SYNTHETIC, TAKEOVER
from simulation.people.people import NEVER, People
from simulation.people.population import settled
from simulation.scenarios.scenario import Scenario, ScenarioError, load
from tests.simulation.lures import scenario

SIZE = 12_000


def people(plan: Scenario) -> People:
    return settled(plan, Draws(1), 1, SIZE)


def test_shares_are_as_chosen() -> None:
    plan = scenario()
    shares = np.bincount(people(plan).pattern, minlength=7) / SIZE
    for code in (STOLEN, SYNTHETIC, BUST_OUT, TAKEOVER, NEW):
        assert abs(shares[code] - 0.03) < 0.006
    assert abs(shares[RING] - 0.02) < 0.008


def test_a_wave_brings_more_at_its_time() -> None:
    plan = load("fraud_wave")
    wave, who = plan.fraud.wave, people(plan)
    assert wave
    strikes = (who.strikes[(who.pattern > 0) & (who.ring == 0)] - Day.on(plan.start).number) / MONTH
    during = ((strikes >= wave.month) & (strikes < wave.month + wave.months)).sum() / wave.months
    outside = (len(strikes) - during * wave.months) / (plan.population.joining_months - wave.months)
    assert 0.6 * wave.factor < during / outside < 1.6 * wave.factor


def test_the_new_pattern_waits_for_its_date() -> None:
    for on in (date(2024, 10, 1), date(2024, 5, 17)):
        who = people(scenario(fraud={"new_pattern": {"starts": on, "share": 0.05}}))
        first = Day(int(who.strikes[who.pattern == NEW].min()))
        assert on <= first.date < on + timedelta(days=14)
    assert (people(load("quiet")).pattern != NEW).all()


def test_a_new_pattern_before_the_start_and_rings_without_a_size_are_refused() -> None:
    for fraud, told in (
        ({"new_pattern": {"starts": "2023-12-31"}}, "give a day from the start on, 2024-01-01"),
        ({"smallest_ring": 9, "largest_ring": 8}, "give at most largest_ring, 8"),
    ):
        with pytest.raises(ScenarioError, match=told):
            scenario(fraud=fraud)


def test_the_honest_never_strike_and_victims_pay() -> None:
    who = people(scenario())
    assert (who.strikes[who.pattern == 0] == NEVER).all()
    assert (who.stops[~np.isin(who.pattern, BORROWS)] == NEVER).all()
    assert (who.stops[np.isin(who.pattern, BORROWS)] < NEVER).all()


def test_rings_share_devices_addresses_and_payees() -> None:
    who = people(scenario())
    for seed in ("device_seed", "address_seed", "payee_seed"):
        values = getattr(who, seed)
        ring = len(np.unique(values[who.ring > 0])) / (who.ring > 0).sum()
        honest = len(np.unique(values[who.pattern == 0])) / (who.pattern == 0).sum()
        assert ring < 0.75
        assert 0.85 < honest < 1, "households share too"
    one = who.ring == who.ring[who.ring > 0][0]
    assert len(np.unique(who.strikes[one])) == 1
