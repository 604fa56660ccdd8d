"""Who is refused here, or would pay more than they are willing to, borrows elsewhere, and pays it back."""

import numpy as np
import polars as pl
import pytest

from benchmarks.lending_world import LendingWorld
from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.lending.applications import Applications
from simulation.lending.approvals import OPEN_DAYS, Approvals
from simulation.lending.elsewhere import LENDS
from simulation.lending.orders import Orders
from simulation.waiting import waiting

SIZE = 3_000


def answered(approved: bool, rate: float = 0.1) -> tuple[LendingWorld, pl.DataFrame]:
    """Four weeks in which everyone gets the same answer, behind which nobody may apply; and who asked for what."""
    world, asked = LendingWorld(SIZE, steps=[Orders, Approvals, Applications]), []
    for _ in range(28):
        open_now = waiting(world.world.state, Day(world._next.number - 1)).applications
        asked.append(open_now)
        answers = open_now.select("application_id", "customer_id", "amount", approved=approved, rate=rate)
        world.step(Decisions(approvals=answers))
    everyone = np.arange(1, SIZE + 1)
    world.step(Decisions(blocks=pl.DataFrame({"customer_id": everyone, "blocked": np.ones(SIZE, dtype=bool)})))
    return world, pl.concat(asked)


def test_about_half_of_the_refused_borrow_what_they_asked_for() -> None:
    world, asked = answered(approved=False)
    owed = world.world.state.own["elsewhere"]
    assert len(owed["row"]) / len(asked) == pytest.approx(LENDS, abs=0.1)
    wanted = {
        (customer - 1, round(amount * 100)) for customer, amount in asked.select("customer_id", "amount").iter_rows()
    }
    assert set(zip(owed["row"].tolist(), owed["debt"].tolist(), strict=True)) <= wanted


def test_what_is_borrowed_elsewhere_is_paid_back() -> None:
    fresh = LendingWorld(SIZE, steps=[Orders, Approvals, Applications]).world.state.finances
    world, _ = answered(approved=False)
    finances = world.world.state.finances
    assert finances.outside_due_cents.sum() > 1.05 * fresh.outside_due_cents.sum()
    for _ in range(14):  # those who asked last are answered
        world.step(Decisions())
    before, paid = world.world.state.own["elsewhere"], 0
    for _ in range(4 * 31):
        world.step(Decisions())
        paid += world._next.date.day == 2
    owed = world.world.state.own["elsewhere"]
    assert len(owed["row"]) == (before["left"] > paid).sum() < len(before["row"])
    assert sorted(owed["left"]) == sorted(before["left"][before["left"] > paid] - paid)
    for whole, without, part in (
        (finances.outside_due_cents, fresh.outside_due_cents, owed["due"]),
        (finances.outside_debt_cents, fresh.outside_debt_cents, owed["debt"]),
    ):
        assert np.array_equal(whole - without, np.bincount(owed["row"], part, SIZE))


def test_an_offer_that_a_block_holds_back_sends_people_elsewhere() -> None:
    """Who applied, was blocked and then approved has no loan here, and needs the money as much as any other."""
    world = LendingWorld(SIZE, steps=[Orders, Approvals, Applications])
    for _ in range(OPEN_DAYS - 1):
        world.step(Decisions())
    asked = waiting(world.world.state, Day(world._next.number - 1)).applications
    blocks = asked.select("customer_id").unique().with_columns(blocked=pl.lit(True))
    offers = asked.select("application_id", "customer_id", "amount", approved=pl.lit(True), rate=pl.lit(0.001))
    world.step(Decisions(blocks=blocks, approvals=offers))
    assert world.rows("loans").is_empty()
    owed = world.world.state.own["elsewhere"]
    assert len(owed["row"]) / len(asked) == pytest.approx(LENDS, abs=0.1)


def test_an_offer_that_is_too_dear_sends_people_elsewhere() -> None:
    assert len(answered(approved=True, rate=0.001)[0].world.state.own["elsewhere"]["row"]) == 0
    dear, asked = answered(approved=True, rate=0.36)
    told = dear.rows("decisions").cast({"outcome": pl.String})
    left = told.filter(pl.col("outcome") == "not_taken_up").height
    assert 0 < len(dear.world.state.own["elsewhere"]["row"]) < left < len(asked)
