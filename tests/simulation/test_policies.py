"""Default policies ask the usual price, which follows the base rate, and contact people as often as the rules allow."""

import numpy as np
import polars as pl
import pytest

from benchmarks.lending_world import LendingWorld
from simulation.calendar import Day
from simulation.lending.products import usual_rate
from simulation.policies import approve_all
from simulation.scenarios.scenario import parsed
from simulation.waiting import waiting

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
