"""Merchants and partners: reference tables, and who sells what to whom, by hashing."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Frame, Ints
from simulation.draws import Draws
from simulation.money.categories import CATEGORIES, MCC, NAMES
from simulation.scenarios.scenario import Scenario

SCENARIOS = ("ecommerce", "medical", "education")
SHOPS = np.array([NAMES.index(name) for name in ("online_shop", "hospital", "school", "online_shop", "wholesale")])
"""Category of the merchants that a purpose pays."""
MERCHANT_BASE = 10_000_000_000
"""Ids of merchants begin here, above all customers'."""
ONLINE = 255


def merchant_id(category: Array, number: Array, merchants: int) -> Ints:
    """The id of a category's merchant; each category has an equal share of them."""
    share = max(merchants // len(CATEGORIES), 1)
    return np.asarray(MERCHANT_BASE + category.astype(np.int64) * share + number % share, dtype=np.int64)


def shop(purpose: Array, draws: Draws, ids: Array, day: int, merchants: int) -> Ints:
    """The merchant at which people with a purpose buy: few sell most."""
    number = (draws.uniform("merchants.shop", ids, day) ** 3 * max(merchants // len(CATEGORIES), 1)).astype(np.int64)
    return merchant_id(SHOPS[purpose], number, merchants)


def partner_of(merchant: Array, purpose: Array, partners: int) -> Ints:
    """The partner through which a merchant sells credit: every third is of one scenario."""
    rounds = max(partners // len(SCENARIOS), 1)
    return np.asarray(1 + np.minimum(purpose, 2) + len(SCENARIOS) * (merchant % rounds), dtype=np.int64)


def merchant_table(scenario: Scenario, draws: Draws) -> Frame:
    """All merchants, known from the first day on."""
    share = max(scenario.money.merchants // len(CATEGORIES), 1)
    category = np.repeat(np.arange(len(CATEGORIES)), share)
    ids = MERCHANT_BASE + np.arange(len(category), dtype=np.int64)
    online = np.array([way == "online" for _, _, way, *_ in CATEGORIES])[category]
    purpose = np.select([category == SHOPS[place] for place in (1, 2)], [1, 2], 0)
    sells = np.isin(category, SHOPS[:3])
    return {
        "merchant_id": ids,
        "mcc": MCC[category],
        "category": np.array(NAMES)[category],
        "region": np.where(online, ONLINE, draws.below(10, "merchants.region", ids)).astype(np.uint8),
        "partner_id": np.where(sells, partner_of(ids, purpose, scenario.lending.partners), 0).astype(np.int32),
        "event_timestamp": Day.on(scenario.start).at(np.zeros(len(ids))),
    }


def partner_table(scenario: Scenario, draws: Draws) -> Frame:
    """All partners, known from the first day on."""
    ids = np.arange(1, max(scenario.lending.partners // len(SCENARIOS), 1) * len(SCENARIOS) + 1)
    kinds = np.array(SCENARIOS)[(ids - 1) % len(SCENARIOS)]
    return {
        "partner_id": ids.astype(np.int32),
        "scenario": kinds,
        "name": np.array([f"{kind} partner {number}" for kind, number in zip(kinds, ids, strict=True)]),
        "commission": np.round(0.01 + 0.02 * draws.uniform("partners.commission", ids), 4),
        "event_timestamp": Day.on(scenario.start).at(np.zeros(len(ids))),
    }
