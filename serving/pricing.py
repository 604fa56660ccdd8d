"""The price of a loan with everything in it: interest and fees as one yearly rate."""

from math import isfinite, nan

import numpy as np

from serving.applications import Applications
from training.score import Floats

DEAREST = 1.0
"""A monthly rate above which a price is not told apart any more: 100 % a month."""
LONGEST = 1_200
"""Months of a loan."""
HIGHEST_RATE = 10
"""Nominal interest a year, as it is told: 0.18 is 18 %."""


def all_in_rate(amount: float, term_months: float, annual_rate: float, fees: float = 0.0) -> float:
    """Effective annual rate of a loan repaid in equal monthly instalments, fees kept back at the start.

    The i solving amount - fees = sum of instalment / (1 + i)^k, k = 1..term, then (1 + i)^12 - 1: the annual
    percentage rate of Directive 2008/48/EC, annex I, with months as periods. NaN where it is not defined.
    """
    given = (amount, term_months, annual_rate, fees)
    if not all(map(isfinite, given)) or amount <= 0 or fees < 0 or annual_rate < 0 or not 1 <= term_months <= LONGEST:
        return nan
    received, nominal = amount - fees, annual_rate / 12
    if received <= 0:
        return (1 + DEAREST) ** 12 - 1
    instalment = amount / _annuity(nominal, term_months)
    low, high = nominal, max(DEAREST, nominal)
    if not fees:
        return float((1 + nominal) ** 12 - 1)
    # The value of the instalments falls as the rate rises: 50 halvings leave under 1e-15 of a month's rate.
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if instalment * _annuity(middle, term_months) > received else (low, middle)
    return float((1 + high) ** 12 - 1)


def all_in_rates(applications: Applications) -> Floats:
    """The all-in rate of each application, NaN where its price was not stated in full."""
    if applications.annual_rate is None or applications.term_months is None:
        return np.full(len(applications), np.nan)
    fees = np.zeros(len(applications)) if applications.fees is None else np.nan_to_num(applications.fees)
    rows = zip(applications.amount, applications.term_months, applications.annual_rate, fees, strict=True)
    return np.array([all_in_rate(*map(float, row)) for row in rows])


def _annuity(rate: float, months: float) -> float:
    """What instalments of 1 a month are worth today."""
    return float((1 - (1 + rate) ** -months) / rate) if rate > 1e-12 else months
