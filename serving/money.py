"""Amounts of money as they are compared: without what the last bits of a sum or a product add or leave out."""

import numpy as np

from training.score import Floats

LARGEST_AMOUNT = 1e9
"""Requests with more are refused: it is taken for a mistake of units. Where money has many noughts, tell thousands."""
FINE, COARSE = 1e6, 1e2
"""Parts of a unit that amounts are rounded to: a millionth, and a hundredth where a float has no millionths."""
_FINE_TO, _COARSE_TO = 2.0**33, 2.0**46


def money(amount: float) -> float:
    """The amount in whole millionths of a unit (from 8.6e9 on in hundredths, from 7e13 on as it is); NaN stays.

    A number with so few places in decimal writing is itself: `money(3599.9999999999995) == 3600`.
    """
    size = abs(amount)
    if size < _FINE_TO:
        return round(amount * FINE) / FINE
    return round(amount * COARSE) / COARSE if size < _COARSE_TO else amount


def whole_steps(amount: float, step: float) -> int:
    """How many steps fit into an amount; one that they make up but for the last bits holds them all."""
    nearest = round(amount / step)
    return nearest if money(nearest * step) <= money(amount) else nearest - 1


def least_steps(amount: float, step: float) -> int:
    """How few steps make up an amount."""
    nearest = round(amount / step)
    return nearest if money(nearest * step) >= money(amount) else nearest + 1


def moneys(amounts: Floats) -> Floats:
    """`money` of each, with the same bits."""
    size = np.abs(amounts)
    with np.errstate(over="ignore"):
        fine, coarse = np.rint(amounts * FINE) / FINE, np.rint(amounts * COARSE) / COARSE
    # No zero with a sign, as whole numbers have none.
    return np.where(size < _FINE_TO, fine, np.where(size < _COARSE_TO, coarse, amounts)) + 0.0
