"""Campaigns: the default contact policy: random offers by random channels to random people, some held out.

Whatever it finds is causal: who is contacted, with what and how follows from nothing but a hash.
"""

import numpy as np
import polars as pl

from simulation.calendar import Day
from simulation.columns import Flags, Ints
from simulation.decisions import CONTACTS
from simulation.draws import Draws
from simulation.scenarios.scenario import MarketingPlan
from simulation.schema.behaviour import CONTACT_CHANNELS, OFFERS

CHANNEL_WEIGHTS = (0.3, 0.25, 0.2, 0.05, 0.01, 0.19)
MOST = 8
"""Contacts of a person in a month, at most."""
MONTHS = 8_192


class Campaigns:
    """A campaign a month; everyone has days of the month of their own."""

    def __init__(self, plan: MarketingPlan) -> None:
        self._plan, self._luck = plan, Draws(0)

    def contacts(self, day: Day, audience: pl.DataFrame, cap: int = MOST) -> pl.DataFrame:
        """Contacts for tomorrow, hold-outs among them; of a person in a month no more than the cap."""
        ids = audience["customer_id"].to_numpy()
        turns = range(min(self._plan.contacts_a_month, cap))
        parts = [self._turn(Day(day.number + 1), ids, turn) for turn in turns]
        return pl.concat(parts) if parts else pl.DataFrame(schema=CONTACTS)

    def held_out(self, ids: Ints, month: int) -> Flags:
        """Who is held out of a month's campaign."""
        return self._luck.happens(self._plan.held_out, "campaigns.held_out", ids, month)

    def _turn(self, day: Day, ids: Ints, turn: int) -> pl.DataFrame:
        step = 28 // self._plan.contacts_a_month
        mine = (self._luck.below(28, "campaigns.day", ids) + turn * step) % 28 + 1
        ids = ids[mine == day.date.day]
        contact = ids * MONTHS + day.month * MOST + turn
        return pl.DataFrame({
            "contact_id": contact, "customer_id": ids, "campaign_id": np.full(len(ids), day.month, dtype=np.int32),
            "channel": _named(self._luck.choice(CHANNEL_WEIGHTS, "campaigns.channel", contact), CONTACT_CHANNELS),
            "offer": _named(self._luck.below(len(OFFERS), "campaigns.offer", contact), OFFERS),
            "held_out": self.held_out(ids, day.month),
        })  # fmt: skip


def _named(codes: Ints, levels: tuple[str, ...]) -> pl.Series:
    return pl.Series(codes.astype(np.uint8)).cat.to(pl.Enum(levels))
