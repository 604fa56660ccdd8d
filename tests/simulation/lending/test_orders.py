"""Limits bind, no more is lent than was asked for, and prices change how often instalments are missed."""

from copy import deepcopy
from datetime import date

import numpy as np
import polars as pl
import pytest

from benchmarks.lending_world import LendingWorld
from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.lending import hazard, repayment
from simulation.lending.existing import Existing
from simulation.lending.orders import Orders
from simulation.lending.repayment import Repayment
from simulation.policies import hands_off
from simulation.scenarios.scenario import load
from simulation.waiting import waiting


def test_a_lowered_limit_binds() -> None:
    free = LendingWorld(1_200).run(1, hands_off())
    bound, everyone = deepcopy(free), np.arange(1, 1_201)
    lowered = pl.DataFrame({"customer_id": everyone, "limit": np.full(1_200, 0.0)})
    bound.step(Decisions(limits=lowered))
    before = bound.rows("loans").height
    for world in (free, bound):
        world.run(1, hands_off())
    assert free.rows("loans").height > before + 20
    assert bound.rows("loans").height == before


def test_a_limit_that_is_raised_after_it_was_lowered_binds() -> None:
    """10,000, then 2,000, then 3,000 for everyone: nobody is lent to beyond 3,000."""
    lender = LendingWorld(1_200).run(1, hands_off())
    for limit in (10_000.0, 2_000.0, 3_000.0):
        lender.step(Decisions(limits=pl.DataFrame({"customer_id": range(1, 1_201), "limit": [limit] * 1_200})))
    lender.run(1, hands_off())
    late = pl.col("event_timestamp").dt.date() > date(2024, 2, 3)
    fresh = lender.rows("limits").filter(late)
    assert lender.rows("loans").filter(late).height > 10
    assert fresh.is_empty(), "a loan raised the limit"


def test_a_first_limit_binds() -> None:
    """Who had none and is given 3,000 is lent no more, as one whose limit was lowered to that."""
    lender = LendingWorld(1_200).run(1, hands_off())
    without = np.flatnonzero(lender.world.state.finances.limit_cents == 0) + 1
    lender.step(Decisions(limits=pl.DataFrame({"customer_id": without, "limit": np.full(len(without), 3_000.0)})))
    lender.run(1, hands_off())
    late = (pl.col("event_timestamp").dt.date() > date(2024, 2, 1)) & pl.col("customer_id").is_in(without.tolist())
    lent = lender.rows("loans").filter(late)["principal"]
    assert lent.len() > 5
    assert lent.cast(pl.Float64).max() <= 3_000  # type: ignore[operator]
    assert lender.rows("limits").filter(late).is_empty(), "a loan raised the limit"


def test_no_more_is_lent_than_was_asked_for() -> None:
    lender = LendingWorld(1_200).run(1, hands_off())
    asked = waiting(lender.world.state, Day.on(date(2024, 1, 31))).applications
    answers = asked.select("application_id", "customer_id", pl.col("amount") * 20, approved=True, rate=0.0)
    lender.step(Decisions(approvals=answers))
    told = lender.rows("decisions").join(asked, on="application_id", suffix="_asked")
    assert set(told["outcome"]) == {"approved"}
    assert (told["amount"] == told["amount_asked"]).all()
    lent = lender.rows("loans").join(asked, left_on="loan_id", right_on="application_id")
    assert (lent["principal"] == lent["amount"]).all()
    assert len(lent) == len(asked) > 2


def test_dearer_loans_are_missed_more_often_and_cheaper_ones_less() -> None:
    """All running loans at three prices with the same luck: who is late in six months differs by the price alone."""
    plan = load("quiet")
    lending = plan.lending.model_copy(update={"miss_index": -2.6})
    plan = plan.model_copy(update={"lending": lending})
    untouched = LendingWorld(12_000, plan, steps=[Existing, Orders, Repayment])
    untouched.step(Decisions())
    dearer, cheaper = deepcopy(untouched), deepcopy(untouched)
    loans = untouched.world.state.loans
    for world, rate in ((dearer, 0.36), (cheaper, 0.001)):
        prices = {"customer_id": loans.customer, "loan_id": loans.id, "rate": np.full(len(loans), rate)}
        world.step(Decisions(prices=pl.DataFrame(prices)))
    untouched.step(Decisions())
    missed = [missed_by(world) for world in (dearer, untouched, cheaper)]
    assert len(loans) > 2_500
    assert missed[0] - missed[1] > 10
    assert missed[1] - missed[2] > 10


def missed_by(world: LendingWorld) -> int:
    """Times that a loan that was up to date fell late in the next six months."""
    for _ in range(180):
        world.step(Decisions())
    states = world.rows("loan_states").filter("changed")
    return states.filter(pl.col("state").cast(pl.String) == "late_1_29").height


def test_a_restructured_loan_is_easier_to_pay() -> None:
    """A lower instalment counts as far as it fell; a debt that was paid off does not."""
    state = LendingWorld(1_200, steps=[Existing, Orders, Repayment]).world.state
    before = repayment.index_now(state)
    state.finances.burden_cents //= 2
    assert before - repayment.index_now(state) == pytest.approx(0)
    state.loans.instalment //= 2
    eased = before - repayment.index_now(state)
    assert 0 < eased.mean() < hazard.BURDEN * np.log(2)
