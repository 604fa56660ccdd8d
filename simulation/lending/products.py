"""What is lent: purposes, terms, amounts, usual prices, and who is asked for what."""

from dataclasses import dataclass

import numpy as np

from simulation.columns import Array, Floats, Ints
from simulation.schema.lending import PURPOSES


@dataclass(frozen=True)
class Product:
    """Credit for one purpose. `amount` is the median asked for, in months of income."""

    purpose: str
    terms: tuple[int, ...]
    term_weights: tuple[float, ...]
    amount: float
    spread: float
    rate: float
    fee: float


PRODUCTS = (
    Product("ecommerce", (3, 6, 9, 12), (0.3, 0.35, 0.15, 0.2), 0.45, 0.55, 0.16, 0.0),
    Product("medical", (6, 12, 18, 24), (0.25, 0.4, 0.15, 0.2), 0.9, 0.6, 0.12, 0.0),
    Product("education", (6, 12, 18, 24), (0.15, 0.4, 0.2, 0.25), 1.3, 0.5, 0.13, 0.01),
    Product("cash", (3, 6, 12, 18, 24), (0.12, 0.26, 0.38, 0.08, 0.16), 1.1, 0.7, 0.22, 0.01),
    Product("business", (6, 12, 18, 24), (0.3, 0.4, 0.1, 0.2), 2.4, 0.6, 0.17, 0.015),
)
MOST_TERMS = max(len(product.terms) for product in PRODUCTS)
TERMS = np.array([product.terms + (0,) * (MOST_TERMS - len(product.terms)) for product in PRODUCTS])
TERM_WEIGHTS = np.array([product.term_weights + (0.0,) * (MOST_TERMS - len(product.terms)) for product in PRODUCTS])
AMOUNT, SPREAD, RATE, FEE = (
    np.array([getattr(product, name) for product in PRODUCTS]) for name in ("amount", "spread", "rate", "fee")
)
assert tuple(product.purpose for product in PRODUCTS) == tuple(PURPOSES)


def usual_rate(purpose: Array, base_rate: float) -> Floats:
    """The yearly rate most lenders ask, moving with the base rate, however low that is."""
    return np.asarray(np.maximum(RATE[purpose] + (base_rate - 0.03), 0.0), dtype=np.float64)


def instalment_cents(principal: Array, rate: Array, term: Array) -> Ints:
    """The annuity's monthly instalment, rounded up to a cent."""
    monthly = np.maximum(rate / 12, 1e-9)
    return np.asarray(
        np.ceil(principal * monthly / -np.expm1(-term.astype(np.float64) * np.log1p(monthly))), dtype=np.int64
    )


def interest_cents(outstanding: Array, rate: Array) -> Ints:
    """A month's interest on what is outstanding."""
    return np.asarray(np.round(outstanding * rate / 12), dtype=np.int64)
