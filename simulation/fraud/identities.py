"""Identities: who is a fraudster of which kind, when they strike, and what they share with others.

All of it follows from hashed ids. Thieves and farms work on people of one block of ids, rings within smaller ones.
"""

from dataclasses import dataclass

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Floats, Ints
from simulation.draws import Draws
from simulation.fraud import rings
from simulation.people.people import NEVER, People
from simulation.scenarios.scenario import Scenario
from simulation.schema.truth import FRAUDS

MONTH = 30.4375
STOLEN, SYNTHETIC, RING, BUST_OUT, TAKEOVER, NEW = (
    FRAUDS.code(name)
    for name in ("stolen_identity", "synthetic_identity", "ring", "bust_out", "account_takeover", "new_pattern")
)
BORROWS = (STOLEN, SYNTHETIC, RING, BUST_OUT, NEW)
"""Patterns of those who borrow and never pay; who is taken over is a victim."""
THIEF_BLOCK, THIEVES = 2048, 3
FARM_BLOCK, FARMS = 1024, 2
"""How many thieves and makers of identities share the people of a block."""
MEMBERS_A_DEVICE, MEMBERS_AN_ADDRESS, MEMBERS_A_PAYEE = 3, 4, 6
UNPAID = 0.6
"""Share of made-up and stolen identities onto whose account no salary comes."""


@dataclass(frozen=True)
class Lead:
    """How many days before the strike an identity joins: at least, and how many more at most."""

    least: int
    more: int


LEADS = {STOLEN: Lead(2, 60), SYNTHETIC: Lead(60, 180), RING: Lead(4, 200), BUST_OUT: Lead(240, 400),
         TAKEOVER: Lead(60, 300), NEW: Lead(200, 500)}  # fmt: skip


def mark(people: People, scenario: Scenario, draws: Draws) -> None:
    """Turn some of the people into fraudsters and victims."""
    _choose(people, scenario, draws)
    _join(people, draws)
    _share(people, draws)
    bad = np.isin(people.pattern, BORROWS)
    people.stops[bad] = people.strikes[bad]
    _look(people, draws)


def _choose(people: People, scenario: Scenario, draws: Draws) -> None:
    plan, ids = scenario.fraud, people.id
    more = 1 + extra(scenario)
    alone = {STOLEN: plan.stolen, SYNTHETIC: plan.synthetic, BUST_OUT: plan.bust_out, TAKEOVER: plan.takeover}
    new = plan.new_pattern.share if plan.new_pattern else 0.0
    bounds = np.cumsum([*(share * more for share in alone.values()), new])
    codes = np.array([*alone, NEW, 0], dtype=np.uint8)
    people.pattern[:] = codes[np.searchsorted(bounds, draws.uniform("fraud.pattern", ids), side="right")]
    ring = rings.membership(plan, plan.rings * more, draws, ids)
    people.pattern[ring.ring > 0] = RING
    people.ring[:] = ring.ring
    key = np.where(ring.ring > 0, -ring.ring, ids)
    people.strikes[:] = np.where(people.pattern > 0, _strikes(scenario, draws, key, people.pattern), NEVER)


def extra(scenario: Scenario) -> float:
    """How much more fraud a wave brings, as a share of what there is without it."""
    wave = scenario.fraud.wave
    return (wave.factor - 1) * wave.months / scenario.population.joining_months if wave else 0.0


def _strikes(scenario: Scenario, draws: Draws, key: Array, pattern: Array) -> Ints:
    """The day of the strike: evenly over the scenario, more often in a wave; a new pattern from its date on."""
    start, wave, new = Day.on(scenario.start).number, scenario.fraud.wave, scenario.fraud.new_pattern
    level, horizon = draws.uniform("fraud.strikes", key), float(scenario.population.joining_months)
    months: Floats = level * horizon
    if wave:
        in_wave = draws.happens(extra(scenario) / (1 + extra(scenario)), "fraud.wave", key)
        months = np.where(in_wave, wave.month + level * wave.months, months)
    if new:
        begins = (Day.on(new.starts).number - start) / MONTH
        months = np.where(pattern == NEW, begins + level * max(horizon - begins, 1.0), months)
    days = (start + months * MONTH).astype(np.int64)
    return np.where(pattern == NEW, np.maximum(days, Day.on(new.starts).number), days) if new else days


def _join(people: People, draws: Draws) -> None:
    for code, lead in LEADS.items():
        who = np.flatnonzero(people.pattern == code)
        joins = people.strikes[who] - lead.least - draws.below(lead.more, "fraud.lead", people.id[who])
        keeps = code in {BUST_OUT, TAKEOVER, NEW}
        people.joined[who] = np.minimum(people.joined[who], joins) if keeps else joins


def _share(people: People, draws: Draws) -> None:
    """Thieves use their own devices and payees, farms their addresses; a ring has a few of all three."""
    stolen, made = people.pattern == STOLEN, people.pattern == SYNTHETIC
    thief = people.id // THIEF_BLOCK * THIEVES + draws.below(THIEVES, "fraud.thief", people.id)
    farm = people.id // FARM_BLOCK * FARMS + draws.below(FARMS, "fraud.farm", people.id)
    _give(people, draws, stolen, "thief", {"device": thief, "payee": thief})
    _give(people, draws, made, "farm", {"device": farm * 2 + people.id % 2, "address": farm})
    first, place = people.ring * rings.BLOCK, rings.places(draws, people.id)
    parts = {"device": MEMBERS_A_DEVICE, "address": MEMBERS_AN_ADDRESS, "payee": MEMBERS_A_PAYEE}
    groups = {what: first + place // members for what, members in parts.items()}
    _give(people, draws, people.ring > 0, "ring", groups)


def _give(people: People, draws: Draws, who: Array, whose: str, keys: dict[str, Array]) -> None:
    for what, key in keys.items():
        getattr(people, f"{what}_seed")[who] = draws.words(f"fraud.{whose}.{what}", key[who])


def _look(people: People, draws: Draws) -> None:
    """What their records show: stolen lives look good, a bust-out pays well at first."""
    stolen, patient = people.pattern == STOLEN, np.isin(people.pattern, (BUST_OUT, NEW))
    people.ability[stolen] = np.abs(people.ability[stolen])
    people.willingness[patient] = np.maximum(people.willingness[patient], 1.0)
    faked = np.isin(people.pattern, (STOLEN, SYNTHETIC)) & draws.happens(UNPAID, "fraud.unpaid", people.id)
    people.payday[faked] = 0
