"""Rings have the sizes they are drawn with, and a member is found from any other."""

import numpy as np

from simulation.draws import Draws
from simulation.fraud import rings
from simulation.scenarios.fraud import FraudPlan

PLAN, IDS = FraudPlan(), np.arange(rings.BLOCK, 400 * rings.BLOCK)


def test_sizes_are_exact_and_shares_as_chosen() -> None:
    found = rings.membership(PLAN, 0.02, Draws(1), IDS)
    members = found.ring > 0
    ring, size = np.unique(found.ring[members], return_counts=True)
    drawn = {int(at): int(how) for at, how in zip(found.ring[members], found.size[members], strict=True)}
    assert [drawn[int(each)] for each in ring] == size.tolist()
    assert size.min() >= PLAN.smallest_ring
    assert size.max() <= PLAN.largest_ring
    assert abs(members.mean() - 0.02) < 0.006


def test_mates_are_members_of_the_same_ring() -> None:
    found = rings.membership(PLAN, 0.02, Draws(1), IDS)
    members = np.flatnonzero(found.ring > 0)
    first = rings.mate(Draws(1), IDS[members], np.zeros(len(members), dtype=np.int64))
    assert (found.place[first - rings.BLOCK] == 0).all()
    assert (found.ring[first - rings.BLOCK] == found.ring[members]).all()
    again = rings.mate(Draws(1), IDS[members], found.place[members])
    assert (again == IDS[members]).all()


def test_members_are_scattered() -> None:
    found = rings.membership(PLAN, 0.02, Draws(1), IDS)
    gaps = np.diff(IDS[found.ring > 0])
    assert (gaps == 1).mean() < 0.2
