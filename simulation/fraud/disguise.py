"""Disguise: how a fraudster's application differs, pattern by pattern. No trace is certain; some look too good."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Floats, Ints
from simulation.draws import Draws
from simulation.fraud.identities import BUST_OUT, NEW, RING, STOLEN, SYNTHETIC
from simulation.money.merchants import partner_of, shop
from simulation.schema.lending import CHANNELS, CHECKS, PURPOSES
from simulation.schema.truth import FRAUDS
from simulation.state import State

PATTERNS = len(FRAUDS)
NIGHT_HOURS = 5
CAREFUL = 0.35
"""Share of fraudsters whose forms look like anybody's."""
CASH, SHOPPING = PURPOSES.code("cash"), PURPOSES.code("ecommerce")


def _by_pattern(usual: float, **others: float) -> Floats:
    values = np.full(PATTERNS, usual)
    for name, value in others.items():
        values[FRAUDS.code(name)] = value
    return values


AMOUNT = _by_pattern(1.0, stolen_identity=1.5, synthetic_identity=1.25, ring=1.3, bust_out=2.2)
SPEED = _by_pattern(1.0, stolen_identity=0.45, synthetic_identity=0.8, ring=0.55, new_pattern=0.9)
"""How long the form is open, beside others."""
AT_NIGHT = _by_pattern(0.0, stolen_identity=0.4, ring=0.15)
AWAY = _by_pattern(0.0, stolen_identity=0.55, synthetic_identity=0.1, ring=0.3)
CASH_SHARE = _by_pattern(0.0, stolen_identity=0.8, synthetic_identity=0.6, ring=0.85, bust_out=0.6)
EMULATED = _by_pattern(0.002, stolen_identity=0.18, synthetic_identity=0.15, ring=0.22)
ROOTED = _by_pattern(0.015, stolen_identity=0.25, synthetic_identity=0.18, ring=0.25)
COLLUDING = 3
"""Merchants that work with those of the new pattern."""
ROUND = 5_000.0
ABSENT_FILE = 0.7
"""Share of made-up identities that no bureau has heard of."""
SIGNAL_FALLS = {"liveness": _by_pattern(0.0, stolen_identity=0.4, synthetic_identity=0.15),
                "voice_print": _by_pattern(0.0, stolen_identity=0.35, ring=0.05),
                "document": _by_pattern(0.0, stolen_identity=0.1, synthetic_identity=0.35, ring=0.1),
                "device": _by_pattern(0.0, stolen_identity=0.2, synthetic_identity=0.2, ring=0.3)}  # fmt: skip
"""How far a check's score falls, on average."""
FALLS = np.stack([SIGNAL_FALLS[name] for name in CHECKS])


def active(day: Day, state: State, rows: Ints) -> Array:
    """Pattern codes of people at work now; 0 for all others."""
    working = state.people.strikes[rows] <= day.number
    return np.where(working, state.people.pattern[rows], 0).astype(np.uint8)


def traced(day: Day, state: State, draws: Draws, rows: Ints) -> Array:
    """Pattern codes of those whose applications show it; the careful leave no other trace than what they share."""
    careful = draws.happens(CAREFUL, "fraud.careful", state.people.id[rows])
    pattern = active(day, state, rows)
    return np.where(careful & (pattern != NEW), 0, pattern).astype(np.uint8)


def purposes(day: Day, state: State, draws: Draws, rows: Ints, purpose: Ints) -> Ints:
    """Fraudsters want cash; those of the new pattern buy."""
    pattern = traced(day, state, draws, rows)
    cash = draws.happens(CASH_SHARE[pattern], "fraud.cash", state.people.id[rows], day.number)
    return np.asarray(np.select([pattern == NEW, cash], [SHOPPING, CASH], purpose), dtype=np.int64)


def channels(day: Day, state: State, draws: Draws, rows: Ints, channel: Array) -> Array:
    """Nobody with a stolen face comes to the branch; the new pattern comes through partners."""
    pattern = traced(day, state, draws, rows)
    online = np.isin(pattern, (STOLEN, RING, SYNTHETIC)) & (channel == CHANNELS.code("branch"))
    codes = [CHANNELS.code("partner"), CHANNELS.code("app")]
    return np.select([pattern == NEW, online], codes, channel.astype(np.int64)).astype(np.uint8)


def seconds(day: Day, state: State, draws: Draws, rows: Ints, usual: Ints) -> Ints:
    """Some work at night."""
    ids = state.people.id[rows]
    night = draws.happens(AT_NIGHT[traced(day, state, draws, rows)], "fraud.night", ids, day.number)
    return np.where(night, draws.below(NIGHT_HOURS * 3600, "fraud.second", ids, day.number), usual)


def disguised(day: Day, state: State, draws: Draws, rows: Ints, form: dict[str, Array]) -> dict[str, Array]:
    """The form as they fill it in."""
    pattern, ids = traced(day, state, draws, rows), state.people.id[rows]
    if not pattern.any():
        return form
    away = draws.happens(AWAY[pattern], "fraud.away", ids, day.number)
    amount = _amounts(day, state, draws, rows, pattern, form["amount"])
    merchant, partner = _merchants(day, state, draws, pattern, form)
    return {
        **form,
        "amount": amount,
        "merchant_id": merchant,
        "partner_id": partner,
        "payee_account": np.where(pattern == NEW, merchant, form["payee_account"]),
        "ip_region": np.where(away, draws.below(10, "fraud.ip", ids, day.number), form["ip_region"]).astype(np.uint8),
        "seconds_on_form": np.maximum(form["seconds_on_form"] * SPEED[pattern], 8).astype(np.int32),
    }


def _amounts(day: Day, state: State, draws: Draws, rows: Ints, pattern: Array, usual: Floats) -> Floats:
    """A ring asks for much the same; the new pattern stays just below round sums."""
    ring = 3_000 + 9_000 * draws.uniform("fraud.ring.amount", state.people.ring[rows])
    ring = np.round(ring * (0.92 + 0.16 * draws.uniform("fraud.amount", state.people.id[rows], day.number)), -2)
    below = np.maximum(np.ceil(usual * 1.3 / ROUND), 1) * ROUND - 100
    raised = np.round(np.clip(usual * AMOUNT[pattern], 300, 300_000), -2)
    return np.asarray(np.select([pattern == RING, pattern == NEW], [ring, below], raised), dtype=np.float64)


def _merchants(day: Day, state: State, draws: Draws, pattern: Array, form: dict[str, Array]) -> tuple[Ints, Array]:
    colluding = draws.below(COLLUDING, "fraud.merchant", form["customer_id"], day.number)
    theirs = shop(np.zeros(len(pattern), dtype=np.int64), draws, -1 - colluding, 0, state.scenario.money.merchants)
    merchant = np.where(pattern == NEW, theirs, form["merchant_id"])
    partner = partner_of(merchant, form["purpose"], state.scenario.lending.partners)
    return merchant, np.where(pattern == NEW, partner, form["partner_id"]).astype(np.int32)


def thinned(day: Day, state: State, draws: Draws, rows: Ints, report: dict[str, Array]) -> dict[str, Array]:
    """The bureau hardly knows made-up people; before a bust-out others are asked too."""
    pattern, found = traced(day, state, draws, rows), report["found"]
    made, busy = pattern == SYNTHETIC, pattern == BUST_OUT
    if not (made | busy).any():
        return report
    known = found & ~(made & draws.happens(ABSENT_FILE, "fraud.file", state.people.id[rows]))
    asked = np.round(1 + 3 * draws.uniform("fraud.enquiries", state.people.id[rows], day.number))
    changed = {
        **report,
        "months_on_file": np.where(made, np.minimum(report["months_on_file"], 9), report["months_on_file"]),
        **{name: report[name] + busy * asked for name in ("enquiries_3m", "enquiries_12m")},
    }
    same = {"application_id", "customer_id", "found", "event_timestamp"}
    blanked = {name: np.where(known, values, np.nan) for name, values in changed.items() if name not in same}
    return {**changed, **blanked, "found": known}


def signal_scores(draws: Draws, pattern: Array, application: Array, check: Array, usual: Floats) -> Floats:
    """Scores of identity checks: lower where the face, the voice or the papers are not theirs; perfect when forged."""
    falls = FALLS[check, pattern] * 2 * draws.uniform("fraud.signals", application, 0, check.astype(np.int64))
    forged = 0.994 + 0.006 * draws.uniform("fraud.forged", application, 0, check.astype(np.int64))
    return np.asarray(np.where(pattern == NEW, forged, np.clip(usual - falls, 0, 1)), dtype=np.float64)
