"""People as they are drawn: latent traits first, then what they show of them."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Flags, Floats, Ints
from simulation.draws import Draws
from simulation.people.people import NEVER, People
from simulation.scenarios.scenario import Scenario
from simulation.schema.customers import EDUCATION, OCCUPATIONS

REGIONS = (0.19, 0.16, 0.13, 0.12, 0.1, 0.09, 0.08, 0.06, 0.04, 0.03)
TIERS = (0.18, 0.27, 0.31, 0.24)
TIER_INCOME = np.array([1.35, 1.1, 0.9, 0.75])
DEGREES = np.array([-1.3, -0.1, 0.5, 1.5])
"""Levels of schooling, in deviations, above which the next degree is reached."""
DEGREE_INCOME = np.array([0.72, 0.85, 1.0, 1.3, 1.7])
JOBS = np.array([
    #  factory serv. deliv. office teach. nurse eng. civil trader farmer student retired owner
    [0.28, 0.28, 0.14, 0.02, 0.00, 0.00, 0.00, 0.00, 0.10, 0.18, 0.0, 0.0, 0.0],
    [0.24, 0.30, 0.14, 0.10, 0.00, 0.01, 0.00, 0.02, 0.12, 0.07, 0.0, 0.0, 0.0],
    [0.20, 0.24, 0.08, 0.20, 0.02, 0.08, 0.05, 0.04, 0.08, 0.01, 0.0, 0.0, 0.0],
    [0.04, 0.12, 0.02, 0.36, 0.10, 0.06, 0.16, 0.10, 0.04, 0.00, 0.0, 0.0, 0.0],
    [0.01, 0.05, 0.01, 0.36, 0.14, 0.05, 0.24, 0.12, 0.02, 0.00, 0.0, 0.0, 0.0],
])  # fmt: skip
"""How often a degree leads to an occupation; students, the retired and owners follow from age and kind."""
JOB_INCOME = np.array([0.95, 0.85, 0.95, 1.1, 1.05, 1.1, 1.5, 1.15, 1.1, 0.65, 0.3, 0.6, 1.6])
MEN = 0.52
"""Share of the customers."""
MEDIAN_INCOME = 6_000.0
"""Units of currency a month."""
YEAR = 365.25
FRIENDS = 8
MINORITY_PLACES, PLACES = 20, 100
"""Places within a region's tier; the first ones are the minority's where the proxy is on."""


def drawn(scenario: Scenario, draws: Draws, first: int, count: int) -> People:
    """The people with ids from `first` on, honest and alone: `population.settled` makes a society of them."""
    ids = np.arange(first, first + count, dtype=np.int64)
    plan = scenario.population
    start = Day.on(scenario.start).number
    joined = _joined(scenario, draws, ids, start)
    shifted = _shifted(scenario, joined, start)
    minority = draws.happens(plan.minority, "people.group", ids)
    women = ~draws.happens(MEN, "people.sex", ids)
    business = draws.happens(plan.businesses, "people.kind", ids)
    latent = _latent(scenario, draws, ids, shifted, minority * plan.ability_gap + women * plan.women_ability_gap)
    age = _age(scenario, draws, ids, shifted)
    tier = _tier(scenario, draws, ids, shifted)
    education = np.searchsorted(DEGREES, latent["schooling"]).astype(np.uint8)
    occupation = _occupation(draws, ids, age, education, business)
    region = draws.choice(REGIONS, "people.region", ids).astype(np.uint8)
    married = _married(draws, ids, age)
    never = np.full(count, NEVER, dtype=np.int64)
    seeds = {f"{what}_seed": draws.words(f"people.{what}", ids) for what in ("device", "address", "payee")}
    return People(
        id=ids,
        joined=joined,
        birth=(start - age * YEAR).astype(np.int64),
        kind=business.astype(np.uint8),
        sex=(~women).astype(np.uint8),
        group=minority.astype(np.uint8),
        region=region,
        tier=tier,
        postcode=_postcode(scenario, draws, ids, region, tier, minority),
        marital=married,
        children=_children(draws, ids, age, married),
        education=education,
        occupation=occupation,
        housing=_housing(draws, ids, age, latent["ability"]),
        joined_by=draws.choice((0.38, 0.3, 0.08, 0.1, 0.14), "people.joined_by", ids).astype(np.uint8),
        consents=draws.happens(0.82, "people.consents", ids),
        business_months=np.where(business, 6 + 60 * draws.exponential("people.business_months", ids), 0).astype(int),
        business_staff=np.where(business, 1 + 6 * draws.exponential("people.business_staff", ids), 0).astype(int),
        income_cents=_income(scenario, draws, ids, shifted, women, latent["ability"], age, tier, education, occupation),
        payday=_payday(draws, ids),
        diverts=draws.happens(plan.diverting, "people.diverts", ids),
        shifted=shifted,
        pattern=np.zeros(count, dtype=np.uint8),
        ring=np.zeros(count, dtype=np.int64),
        strikes=never,
        stops=never.copy(),
        friends=np.zeros((count, FRIENDS), dtype=np.int32),
        **{name: latent[name] for name in LATENT},
        **seeds,
    )


LATENT = (
    "ability", "willingness", "literacy", "impulsivity", "reach", "digital", "taste_shop", "taste_health",
    "taste_study",
)  # fmt: skip


def _joined(scenario: Scenario, draws: Draws, ids: Ints, start: int) -> Ints:
    """Those there at the start joined in the three years before; the rest join in the months to come."""
    there = draws.happens(scenario.population.at_start, "people.there", ids)
    along = draws.uniform("people.joined", ids)
    later = start + along * scenario.population.joining_months * YEAR / 12
    return np.where(there, start - 1 - along * 3 * YEAR, later).astype(np.int64)


def _shifted(scenario: Scenario, joined: Ints, start: int) -> Flags:
    shift = scenario.population.shift
    if shift is None:
        return np.zeros(len(joined), dtype=np.bool_)
    return np.asarray(joined >= start + shift.month * YEAR / 12, dtype=np.bool_)


def _latent(scenario: Scenario, draws: Draws, ids: Ints, shifted: Flags, gap: Floats) -> dict[str, Array]:
    """Latent traits: schooling goes with ability, literacy with schooling, impulsivity against both."""
    own = {name: draws.normal(f"people.{name}", ids) for name in (*LATENT, "schooling")}
    shift = scenario.population.shift
    by = (shift.ability, shift.willingness) if shift else (0.0, 0.0)
    ability = own["ability"] + shifted * by[0] + gap
    schooling = 0.5 * own["ability"] + 0.87 * own["schooling"]
    latent = {
        **own,
        "ability": ability,
        "willingness": own["willingness"] + shifted * by[1],
        "literacy": 0.5 * schooling + 0.87 * own["literacy"],
        "impulsivity": 0.9 * own["impulsivity"] - 0.3 * schooling,
        "schooling": schooling,
    }
    return {name: values.astype(np.float32) for name, values in latent.items()}


def _age(scenario: Scenario, draws: Draws, ids: Ints, shifted: Flags) -> Floats:
    shift = scenario.population.shift
    age = 18.5 + 42 * draws.uniform("people.age", ids) * np.sqrt(draws.uniform("people.age", ids, k=1))
    age += 6 * draws.exponential("people.age", ids, k=2)
    return np.clip(age + shifted * (shift.years if shift else 0.0), 18.1, 74.0)


def _tier(scenario: Scenario, draws: Draws, ids: Ints, shifted: Flags) -> Array:
    shift = scenario.population.shift
    tier = draws.choice(TIERS, "people.tier", ids)
    lowered = shifted & draws.happens(shift.low_tiers if shift else 0.0, "people.low_tier", ids)
    return np.where(lowered, np.maximum(tier, 2), tier).astype(np.uint8) + np.uint8(1)


def _occupation(draws: Draws, ids: Ints, age: Floats, education: Array, business: Flags) -> Array:
    job = draws.choice(JOBS[education], "people.occupation", ids)
    studying = (age < 24) & draws.happens(0.45, "people.studying", ids)
    retired = (age > 60) & draws.happens(0.75, "people.retired", ids)
    codes = [OCCUPATIONS.code(name) for name in ("owner", "student", "retired")]
    return np.select([business, studying, retired], codes, job).astype(np.uint8)


def _married(draws: Draws, ids: Ints, age: Floats) -> Array:
    level = draws.uniform("people.marital", ids)
    ever = 1 / (1 + np.exp(-(age - 28) / 3.5))
    ended = np.clip((age - 30) / 150, 0, 0.25)
    return np.select([level > ever, level < ever * ended * 0.7, level < ever * ended], [0, 2, 3], 1).astype(np.uint8)


def _children(draws: Draws, ids: Ints, age: Floats, married: Array) -> Array:
    mean = np.where(married == 0, 0.04, 1.25) * np.clip((age - 20) / 12, 0, 1) * np.clip((62 - age) / 15, 0, 1)
    return np.minimum(draws.poisson(mean, "people.children", ids), 4).astype(np.uint8)


def _housing(draws: Draws, ids: Ints, age: Floats, ability: Array) -> Array:
    level = draws.uniform("people.housing", ids)
    owns = 1 / (1 + np.exp(-(0.09 * (age - 38) + 0.5 * ability)))
    family = np.clip((30 - age) / 14, 0, 0.6)
    return np.select([level < owns * 0.55, level < owns, level > 1 - family * (1 - owns)], [1, 2, 3], 0).astype(
        np.uint8
    )


def _postcode(scenario: Scenario, draws: Draws, ids: Ints, region: Array, tier: Array, minority: Flags) -> Array:
    """Region, tier and place; the proxy puts the minority into places of its own, as often as it is strong."""
    told = draws.happens(scenario.population.proxy_strength, "people.proxy", ids)
    level = draws.uniform("people.place", ids)
    own = np.where(minority, level * MINORITY_PLACES, MINORITY_PLACES + level * (PLACES - MINORITY_PLACES))
    place = np.where(told, own, level * PLACES).astype(np.int32)
    return np.asarray(region.astype(np.int32) * 1000 + tier.astype(np.int32) * 100 + place, dtype=np.int32)


def _income(
    scenario: Scenario, draws: Draws, ids: Ints, shifted: Flags, women: Flags, ability: Array, age: Floats, tier: Array,
    education: Array, occupation: Array,
) -> Ints:  # fmt: skip
    shift = scenario.population.shift
    career = np.interp(age, [18, 25, 35, 48, 60, 75], [0.6, 0.8, 1.05, 1.15, 1.05, 0.9])
    usual = MEDIAN_INCOME * TIER_INCOME[tier - 1] * DEGREE_INCOME[education] * JOB_INCOME[occupation] * career
    own = np.exp(0.22 * ability + 0.33 * draws.normal("people.income", ids))
    moved = np.where(shifted, shift.income if shift else 1.0, 1.0)
    paid = 1.0 - women * scenario.population.women_income_gap
    return np.asarray(np.round(usual * own * moved * paid) * 100, dtype=np.int64)


def _payday(draws: Draws, ids: Ints) -> Array:
    days = np.array([1, 5, 10, 15, 20, 25, 28], dtype=np.uint8)
    return np.asarray(days[draws.choice((0.1, 0.14, 0.26, 0.24, 0.08, 0.12, 0.06), "people.payday", ids)])


assert len(EDUCATION) == len(DEGREES) + 1 == len(DEGREE_INCOME)
assert JOBS.shape == (len(EDUCATION), len(OCCUPATIONS))
assert len(JOB_INCOME) == len(OCCUPATIONS)
