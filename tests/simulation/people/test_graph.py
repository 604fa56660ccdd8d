"""The social graph: heavy-tailed, homophilous, the same whoever looks, and told in part."""

import numpy as np
import pytest

from simulation.draws import Draws
from simulation.people.graph import Links
from simulation.people.people import People
from simulation.people.population import links, settled
from simulation.scenarios.scenario import load
from tests.simulation.lures import lured

SIZE = 6_000
PLAN, DRAWS = load("quiet"), Draws(1)


@pytest.fixture(scope="module")
def society() -> tuple[People, Links]:
    return settled(PLAN, DRAWS, 1, SIZE), links(PLAN, DRAWS, 1, SIZE)


def test_degrees_have_a_heavy_tail(society: tuple[People, Links]) -> None:
    _, found = society
    degree = np.bincount(np.concatenate([found.customer, found.related]))[1:]
    assert 4 < degree.mean() < 9
    assert np.quantile(degree, 0.99) > 4 * np.median(degree)
    assert degree.max() > 40


def test_people_know_those_like_them(society: tuple[People, Links]) -> None:
    people, found = society
    one, other = found.customer - 1, found.related - 1
    chance = sum(np.mean(people.region == region) ** 2 for region in range(10))
    assert (people.region[one] == people.region[other]).mean() > 1.7 * chance
    assert np.corrcoef(people.ability[one], people.ability[other])[0, 1] > 0.1
    assert np.corrcoef(people.birth[one], people.birth[other])[0, 1] > 0.2


def test_links_are_between_two_people_once(society: tuple[People, Links]) -> None:
    _, found = society
    assert (found.related > 0).all()
    assert (found.related < found.customer).all()
    assert len(np.unique(found.customer * SIZE + found.related)) == len(found)


def test_parts_of_the_people_find_the_same(society: tuple[People, Links]) -> None:
    people, found = society
    part, mine = settled(PLAN, DRAWS, 1_500, 700), links(PLAN, DRAWS, 1_500, 700)
    for name, column in part.arrays().items():
        assert (column == getattr(people, name)[1_499:2_199]).all(), name
    inside = (found.customer >= 1_500) & (found.customer < 2_200)
    assert (found.kept(inside).related == mine.related).all()


def test_the_lender_hears_of_some() -> None:
    world = lured()
    told, true = world.rows("relations"), world.rows("true_relations")
    assert 0.2 < len(told) / len(true) < 0.8
    pairs = set(true.select("customer_id", "related_id").iter_rows())
    assert set(told.select("customer_id", "related_id").iter_rows()) <= pairs
    assert told["relation"].n_unique() == 5
