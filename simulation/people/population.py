"""The population: people drawn from their ids, who lives with whom, who is a fraudster, who knows whom."""

import numpy as np

from simulation.draws import Draws
from simulation.fraud import identities
from simulation.people import graph, households
from simulation.people.people import People
from simulation.people.traits import drawn
from simulation.scenarios.scenario import Scenario


def settled(scenario: Scenario, draws: Draws, first: int, count: int) -> People:
    """The people with ids from `first` on."""
    people, found = _society(scenario, draws, first, count)
    graph.befriend(people, found)
    return people.kept(_mine(people, first, count))


def links(scenario: Scenario, draws: Draws, first: int, count: int) -> graph.Links:
    """Their links to people of lower ids."""
    _, found = _society(scenario, draws, first, count)
    return found.kept((found.customer >= first) & (found.customer < first + count))


def _society(scenario: Scenario, draws: Draws, first: int, count: int) -> tuple[People, graph.Links]:
    """Whole blocks around them: neighbours' traits follow from their ids, so that no state is needed."""
    begin = first // graph.BLOCK * graph.BLOCK
    end = -(-(first + count) // graph.BLOCK) * graph.BLOCK
    people = drawn(scenario, draws, begin, end - begin)
    households.settle(people, draws, graph.BLOCK)
    identities.mark(people, scenario, draws)
    return people, graph.links(people, draws)


def _mine(people: People, first: int, count: int) -> slice:
    at = first - int(people.id[0])
    return slice(at, at + count)


assert np.gcd(graph.BLOCK, identities.FARM_BLOCK) == graph.BLOCK
