"""Gaps between groups: as strong as the scenario says, and nobody else's draws move."""

import numpy as np
import pytest

from benchmarks.lending_world import LendingWorld
from simulation.draws import Draws
from simulation.people.people import People
from simulation.people.traits import drawn
from simulation.policies import hands_off
from simulation.scenarios.scenario import Scenario, load, parsed
from simulation.schema.customers import SEXES

SIZE = 20_000
WOMAN = SEXES.code("female")


def scenario(**population: float) -> Scenario:
    return parsed({"name": "mine", "about": "A test.", "population": population}, "mine")


def people(plan: Scenario) -> People:
    return drawn(plan, Draws(1), 0, SIZE)


def others(one: People, two: People) -> set[str]:
    """Columns that differ."""
    mine = two.arrays()
    return {name for name, column in one.arrays().items() if not np.array_equal(column, mine[name])}


def test_women_earn_less_for_the_same_ability() -> None:
    quiet, biased = people(load("quiet")), people(load("sex_bias"))
    women = quiet.sex == WOMAN
    assert 0.45 < women.mean() < 0.51
    assert others(quiet, biased) == {"income_cents"}
    share = biased.income_cents / quiet.income_cents
    assert share[women] == pytest.approx(0.75, abs=0.01)
    assert (share[~women] == 1).all()


def test_women_are_less_able_where_the_scenario_says_so() -> None:
    quiet, gap = people(load("quiet")), people(scenario(women_ability_gap=-0.5))
    women = quiet.sex == WOMAN
    assert gap.ability[women] - quiet.ability[women] == pytest.approx(-0.5, abs=1e-5)
    assert np.array_equal(gap.ability[~women], quiet.ability[~women])
    assert others(quiet, gap) == {"ability", "income_cents", "housing"}


@pytest.mark.parametrize(
    ("gaps", "income", "risk"),
    [({}, (0.93, 1.07), (0.9, 1.1)), ({"women_income_gap": 0.25}, (0.7, 0.8), (0.9, 1.1)),
     ({"women_ability_gap": -0.7}, (0.8, 0.93), (1.25, 1.8))],
)  # fmt: skip
def test_a_false_disparity_shows_in_income_alone_a_true_one_in_risk(
    gaps: dict[str, float], income: tuple[float, float], risk: tuple[float, float]
) -> None:
    """Women's stated income and true PD over men's, on the applications of three months."""
    world = LendingWorld(12_000, scenario(**gaps)).run(3, hands_off())
    women = world.world.state.people.sex[world.rows("applications")["customer_id"].to_numpy() - 1] == WOMAN
    said = world.rows("applications")["stated_income"].to_numpy()
    chance = world.rows("true_applications").filter("intends_to_pay")
    hers = world.world.state.people.sex[chance["customer_id"].to_numpy() - 1] == WOMAN
    pd = chance["pd"].to_numpy()
    assert income[0] < np.exp(np.log(said[women]).mean() - np.log(said[~women]).mean()) < income[1]
    assert risk[0] < pd[hers].mean() / pd[~hers].mean() < risk[1]


def test_a_postcode_is_of_its_tier_and_tells_the_group_where_the_proxy_is_on() -> None:
    told = people(scenario(proxy_strength=1.0))
    assert np.array_equal(told.postcode // 1000, told.region)
    assert np.array_equal(told.postcode % 1000 // 100, told.tier)
    assert np.array_equal(told.postcode % 100 < 20, told.group == 1)
