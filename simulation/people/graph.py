"""The social graph: who knows whom. Degrees have a heavy tail, and people know those who are like them.

A newcomer to a block of ids gets to know some of those before (more of them, the farther they reach): of a few met by
chance the one most alike and most outgoing. So a link needs only the two people's traits, which follow from their ids.
"""

from dataclasses import dataclass

import numpy as np

from simulation.columns import Array, Columns, Floats, Ints
from simulation.draws import Draws
from simulation.fraud import rings
from simulation.people import households
from simulation.people.people import People
from simulation.schema.customers import JOINED_BY, RELATIONS

BLOCK = 1024
"""People of a block of ids may know each other."""
MET = 6
"""How many are met by chance for each one that is kept."""
USUAL, MOST = 1.3, 60
"""Links of a newcomer of average reach, and at most."""
REACH, OUTGOING = 0.85, 0.8
"""How strongly reach makes people know others, and be known by them."""
TOLD = {"colleague": 0.35, "transfer_friend": 0.4}
"""Share of such links that the lender hears of."""
EMERGENCY = 0.4
"""Share of people who name someone to call."""


@dataclass
class Links(Columns):
    """Who is linked to whom; the customer is always the one of the higher id."""

    customer: Ints
    related: Ints
    strength: Array  # float, 0 to 1
    kind: Array  # code of `RELATIONS`; 255: the lender knows nothing of it
    day: Ints  # on which both are customers


def links(people: People, draws: Draws) -> Links:
    """All links among whole blocks of people."""
    parts = [_known(people, draws), _housemates(people, draws), _mates(people, draws)]
    both = parts[0].extended(parts[1]).extended(parts[2])
    key = both.customer * BLOCK + both.related % BLOCK
    _, first = np.unique(key[::-1], return_index=True)
    return both.kept(len(key) - 1 - first)


def befriend(people: People, found: Links) -> None:
    """Note those closest to each, whom they send money to."""
    order = np.lexsort((-found.strength, found.customer))
    customer = found.customer[order]
    opens = np.searchsorted(customer, customer)
    place = np.arange(len(customer)) - opens
    close = place < people.friends.shape[1]
    people.friends[customer[close] - people.id[0], place[close]] = found.related[order][close]
    count = np.maximum((people.friends > 0).sum(axis=1), 1)
    around = np.arange(people.friends.shape[1]) % count[:, None]
    people.friends[:] = np.take_along_axis(people.friends, around, axis=1)


def _known(people: People, draws: Draws) -> Links:
    ids = people.id
    spread = REACH * people.reach + 0.5 * draws.normal("graph.count", ids)
    count = np.minimum(1 + USUAL * np.exp(spread), MOST).astype(np.int64)
    count = np.where(ids % BLOCK > (ids < BLOCK), count, 0)
    rows = np.repeat(np.arange(len(ids)), count)
    slot = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    best, score = rows.copy(), np.full(len(rows), -np.inf)
    for meeting in range(MET):
        at = rows - 1 - draws.below(ids[rows] % BLOCK - (ids[rows] < BLOCK), "graph.meets", ids[rows], meeting, slot)
        luck = -np.log(draws.exponential("graph.luck", ids[rows], meeting, slot) + 1e-12)
        liked = likeness(people, rows, at) + OUTGOING * people.reach[at] + luck
        better = liked > score
        best[better], score[better] = at[better], liked[better]
    return _links(people, draws, rows, best, slot)


def likeness(people: People, one: Ints, other: Ints) -> Floats:
    """How alike two people are, on the log scale."""
    same = 1.3 * (people.region[one] == people.region[other]) + 0.5 * (people.tier[one] == people.tier[other])
    same += 0.6 * (people.group[one] == people.group[other])
    same += 0.7 * (people.occupation[one] == people.occupation[other])
    years = np.abs(people.birth[one] - people.birth[other]) / 3652
    return np.asarray(same - years - 0.5 * np.abs(people.ability[one] - people.ability[other]), dtype=np.float64)


def _links(people: People, draws: Draws, rows: Ints, best: Ints, slot: Ints) -> Links:
    """What the lender hears: who brought them, whom to call, colleagues, friends they pay."""
    ids, first = people.id[rows], slot == 0
    brought = first & (people.joined_by[rows] == JOINED_BY.code("referral"))
    brought &= people.joined[best] < people.joined[rows]
    colleagues = (people.occupation[rows] == people.occupation[best]) & (people.region[rows] == people.region[best])
    luck = draws.uniform("graph.told", ids, 0, slot)
    cases = [brought, first & (luck < EMERGENCY), colleagues & (luck < TOLD["colleague"]),
             luck > 1 - TOLD["transfer_friend"]]  # fmt: skip
    names = ("referral", "emergency_contact", "colleague", "transfer_friend")
    kind = np.select(cases, [RELATIONS.code(name) for name in names], 255).astype(np.uint8)
    strength = 0.2 + 0.7 * draws.uniform("graph.strength", ids, 0, slot)
    return Links(ids, people.id[best], strength, kind, np.maximum(people.joined[rows], people.joined[best]))


def _housemates(people: People, draws: Draws) -> Links:
    other = households.partner(draws, people.id, BLOCK)
    rows = np.flatnonzero(households.live_together(people, draws, BLOCK) & (people.id > other))
    told = draws.happens(0.6, "graph.household", people.id[rows])
    kind = np.where(told, RELATIONS.code("household"), 255).astype(np.uint8)
    return _certain(people, rows, other[rows], kind, 0.95)


def _mates(people: People, draws: Draws) -> Links:
    """Members of a ring know the one before them in it."""
    rows = np.flatnonzero(people.ring > 0)
    ids = people.id[rows]
    place = rings.places(draws, ids)
    before = rings.mate(draws, ids, np.maximum(place - 1, 0))
    kinds = [RELATIONS.code(name) for name in ("referral", "emergency_contact", "transfer_friend")]
    kind = np.array([*kinds, 255], dtype=np.uint8)[draws.choice((0.3, 0.2, 0.25, 0.25), "graph.ring", ids)]
    keep = (place > 0) & (before > 0)
    high, low = np.maximum(ids, before)[keep], np.minimum(ids, before)[keep]
    return _certain(people, high - people.id[0], low, kind[keep], 0.9)


def _certain(people: People, rows: Ints, related: Ints, kind: Array, strength: float) -> Links:
    day = np.maximum(people.joined[rows], people.joined[related - people.id[0]])
    return Links(people.id[rows], related, np.full(len(rows), strength), kind, day)
