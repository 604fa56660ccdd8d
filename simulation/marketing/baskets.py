"""Baskets: what people order at scenario merchants; some items go together because a stage of life lies behind them."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.marketing.patterns import ITEM_CODES, NONE, stages
from simulation.money.merchants import shop
from simulation.process import Events, merged
from simulation.schema.behaviour import ITEMS
from simulation.state import State

A_DAY = 0.03
IN_STAGE = 3.0
"""How much more is ordered in a stage of life."""
FOR_STAGE, BOTH = 0.6, 0.55
"""Share of a stage's orders that are for it, and of those that have both its items."""
SECOND = 0.3
"""Share of other orders with a second item."""
WEIGHTS = np.array([4, 2, 10, 6, 5, 18, 11, 22, 6, 4, 3, 2, 1, 4, 5, 3], dtype=float)
PRICES = np.array([60, 30, 450, 380, 420, 70, 40, 55, 80, 35, 200, 160, 280, 120, 45, 600], dtype=float)
"""How often an item is ordered, and its median price (places in `ITEMS`)."""
DECOYS = {"clothes": "cosmetics", "electronics": "sports", "groceries": "pet_goods"}
"""Items that go together although nobody who buys them needs credit for it."""
TOGETHER = 0.5
"""How often the second item is the decoy's."""
COMPANION = np.array([ITEMS.code(DECOYS[item]) if item in DECOYS else NONE for item in ITEMS])


class Baskets:
    """Orders of a day, one a person at most."""

    name = "baskets"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's orders, a row an item."""
        people, stage = state.people, stages(state, day.number)
        more = np.where(stage < NONE, IN_STAGE, 1.0) * state.climate.retail
        chance = A_DAY * more * np.exp(0.4 * people.taste_shop + 0.25 * people.digital)
        rows = np.flatnonzero(
            draws.happens(chance, "baskets.orders", people.id, day.number) & state.present(day.number)
        )
        first, second = _items(draws, day, people.id[rows], stage[rows])
        parts = [_rows(day, state, draws, rows, first), _rows(day, state, draws, rows, second)]
        return merged([{"orders": part} for part in parts])


def _items(draws: Draws, day: Day, ids: Ints, stage: Array) -> tuple[Ints, Ints]:
    """The first item, and the second (`NONE` for most)."""
    usual = draws.choice(WEIGHTS, "baskets.first", ids, day.number)
    any_other = draws.choice(WEIGHTS, "baskets.second", ids, day.number)
    paired = draws.happens(TOGETHER, "baskets.decoy", ids, day.number) & (COMPANION[usual] < NONE)
    other = np.where(paired, COMPANION[usual], any_other)
    other = np.where(draws.happens(SECOND, "baskets.two", ids, day.number) & (other != usual), other, NONE)
    for_stage = (stage < NONE) & draws.happens(FOR_STAGE, "baskets.stage", ids, day.number)
    pair = ITEM_CODES[np.where(for_stage, stage, 0)]
    turn = draws.below(2, "baskets.turn", ids, day.number)
    both = draws.happens(BOTH, "baskets.both", ids, day.number)
    mine, its = np.take_along_axis(pair, np.stack([turn, 1 - turn], axis=1), axis=1).T
    return np.where(for_stage, mine, usual), np.where(for_stage, np.where(both, its, NONE), other)


def _rows(day: Day, state: State, draws: Draws, rows: Ints, item: Ints) -> Frame:
    some = np.flatnonzero(item < NONE)
    rows, item = rows[some], item[some]
    ids = state.people.id[rows]
    price = PRICES[item] * np.exp(0.4 * draws.normal("baskets.price", ids, day.number, item))
    return {
        "order_id": ids * 32_768 + (day.number - Day.on(state.scenario.start).number),
        "customer_id": ids,
        "merchant_id": shop(
            np.zeros(len(rows), dtype=np.int64), draws, ids, day.number, state.scenario.money.merchants
        ),
        "item": item,
        "amount": np.round(price, 2),
        "event_timestamp": day.at(30_000 + draws.below(50_000, "baskets.second_of_day", ids, day.number)),
    }


assert len(WEIGHTS) == len(PRICES) == len(ITEMS)
