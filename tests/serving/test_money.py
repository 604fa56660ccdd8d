"""Amounts of money are compared and told without the last bits of a product."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.applications import Application, Circumstances
from serving.decisions import Decision
from serving.money import least_steps, money, moneys, whole_steps
from tests.serving.test_decide import good, rows
from tests.serving.test_single import FIRST, alone, lender, of_arrays

CARRIED = """
  capacity: {amount: 0.3 * 12 * request.monthly_income, because: a test}
  counter_offer: {step: 100, smallest: 100}"""
CENTS = "\n  counter_offer: {step: 0.1, smallest: 0.3}\n  capacity: {amount: request.monthly_income, because: a test}"


def ask(extra: str, amount: float | None, income: float, **used: float) -> Decision:
    by = lender(extra)
    asked, found = Application(amount, monthly_income=income), Circumstances(used=used)
    decision = of_arrays(rows(good()), asked, found, by)
    assert repr(alone(rows(good()), asked, found, by)) == repr(decision)
    return decision


def test_a_capacity_holds_the_amount_that_it_comes_to():
    assert 0.3 * 12 * 900 != 3240  # as floats
    decision = ask(CARRIED, 3240.0, 900.0)
    assert (decision.outcome, decision.limit, decision.counter_offer) == ("approve", 3240.0, None)
    assert ask(CARRIED, 3100.0, 900.0).limit == 3240.0
    assert ask(CARRIED, 3240.01, 900.0).counter_offer == 3200.0


def test_the_first_edition_keeps_its_bits():
    decision = ask(CARRIED + FIRST, 3100.0, 900.0)
    assert (decision.outcome, decision.limit) == ("approve", 0.3 * 12 * 900)
    assert ask(CARRIED + FIRST, 3240.0, 900.0).counter_offer == 3200.0


@pytest.mark.parametrize(("income", "offer"), [(0.3, 0.3), (0.7, 0.7), (1.1, 1.1), (0.29, None), (123.45, 123.4)])
def test_offers_are_whole_steps(income: float, offer: float | None):
    assert ask(CENTS, 500.0, income).counter_offer == offer


def test_a_quota_of_money_holds_what_adds_up_to_it():
    quota = "\n  quotas: [{id: d, of: amount, each: day, at_most: 0.3}]"
    assert ask(quota, 0.1, 1.0, d=0.2).outcome == "approve"
    assert ask(quota, 0.11, 1.0, d=0.2).outcome == "review"
    assert ask(quota + FIRST, 0.1, 1.0, d=0.2).outcome == "review"


amounts = (
    st.floats(0, 1e7) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**12), 10**12).map(float)
)


@settings(max_examples=300, deadline=None)
@given(amounts)
def test_one_and_many_are_rounded_to_the_same_bits(amount: float):
    one, many = money(amount), moneys(np.array([amount, np.nan]))
    assert one.hex() == float(many[0]).hex()
    assert np.isnan(many[1])
    assert money(one) == one
    assert abs(one - amount) <= max(5e-7, abs(amount) * 1e-12)


@settings(max_examples=300, deadline=None)
@given(cents=st.integers(0, 10**11), bits=st.integers(-3, 3))
def test_what_is_off_by_bits_is_the_amount_in_cents(cents: int, bits: int):
    whole, amount = cents / 100, cents / 100
    for _ in range(abs(bits)):
        amount = float(np.nextafter(amount, np.inf if bits > 0 else -np.inf))
    assert money(amount) == whole


@settings(max_examples=300, deadline=None)
@given(
    count=st.integers(1, 10**6), step=st.sampled_from([0.01, 0.1, 0.25, 1.0, 3.3, 100.0, 500.0]), part=st.floats(0, 1)
)
def test_steps_are_counted_in_whole_ones(count: int, step: float, part: float):
    whole = money(count * step)
    assert whole_steps(whole, step) == least_steps(whole, step) == count
    more = whole + step * part
    assert money(whole_steps(more, step) * step) <= money(more) < money((whole_steps(more, step) + 1) * step)
    assert money((least_steps(more, step) - 1) * step) < money(more) <= money(least_steps(more, step) * step)
