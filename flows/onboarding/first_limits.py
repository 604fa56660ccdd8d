"""The first limit of each grade: quantiles of the file's column of amounts, if it has one."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from flows.onboarding.names import words
from flows.onboarding.plan import Plan
from flows.onboarding.treatment import Treated

AMOUNT_WORDS = {"amount", "amt", "limit", "amnt", "principal", "loan"}
OTHER_WORDS = {
    "count", "number", "num", "no", "nr", "n", "times", "term", "month", "months", "days", "years", "age", "date",
    "rate", "ratio", "percent", "pct", "share", "score", "grade", "code", "type", "status", "id", "ids",
}  # fmt: skip
"""Words of a name that is no amount of money, whatever else is in it, such as `loan count`."""
LEAST_AMOUNT = 100.0
"""Numbers whose median is below are counts, rates, or amounts in thousands: nothing to grant by."""
NO_AMOUNT = 10_000.0
SHARES = {"A": 0.90, "B": 0.75, "C": 0.50, "D": 0.25}


@dataclass(frozen=True)
class FirstLimits:
    """The limits by grade, and in words what they were made of."""

    by_grade: dict[str, float]
    source: str


def first_limits(plan: Plan) -> FirstLimits:
    """Quantiles of the first column that holds amounts of money by its name and its values."""
    refused: list[str] = []
    for column in plan.of("feature"):
        if not _is_named(column):
            continue
        values = column.content.values.cast(pl.Float64).drop_nulls()
        if faults := list(_faults(column, values)):
            refused.append(f"{_header(column)} ({faults[0]})")
            continue
        amounts = values.filter(values > 0)
        found = {grade: float(amounts.quantile(share) or 0) for grade, share in SHARES.items()}
        return FirstLimits(_rounded(found), f"the 90, 75, 50 and 25 % quantiles of column {_header(column)}")
    passed_over = f"; passed over: {', '.join(refused)}" if refused else ""
    return FirstLimits(
        _rounded({grade: NO_AMOUNT * share for grade, share in SHARES.items()}),
        f"shares of {NO_AMOUNT:,.0f}, a number to begin with: no column holds amounts of money{passed_over}",
    )


def _is_named(column: Treated) -> bool:
    return column.content.type in ("int", "float") and bool(set(words(column.header)) & AMOUNT_WORDS)


def _faults(column: Treated, values: pl.Series) -> Iterator[str]:
    """Why the numbers of a column are no amounts of money, as far as one can tell."""
    if other := sorted(set(words(column.header)) & OTHER_WORDS):
        yield f"its name says {other[0]!r}"
    if column.content.distinct <= 5:
        yield f"{column.content.distinct} different values"
    if (values < 0).any():
        yield "values below 0"
    positive = values.filter(values > 0)
    if positive.is_empty() or float(positive.quantile(0.5) or 0) < LEAST_AMOUNT:
        yield f"half of its values are below {LEAST_AMOUNT:,.0f}"


def _rounded(found: dict[str, float]) -> dict[str, float]:
    return {grade: float(max(1.0, round(value, -2) or value)) for grade, value in found.items()} | {"E": 0.0}


def _header(column: Treated) -> str:
    return repr(" ".join(column.header.split()))
