"""Money lent is repaid, outstanding or lost, to the cent; and decisions change what happens next."""

from copy import deepcopy
from datetime import date

import numpy as np
import polars as pl
import pytest

from benchmarks.lending_world import LendingWorld, cents
from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.lending import book, hazard, repayment
from simulation.lending.products import instalment_cents
from simulation.lending.schedule import agree, pay, pay_off, put_off, schedule
from simulation.policies import hands_off


@pytest.fixture(scope="module")
def lender() -> LendingWorld:
    return LendingWorld(1_200).run(5, hands_off())


def test_principal_is_repaid_outstanding_or_written_off(lender: LendingWorld) -> None:
    start = pl.datetime(2024, 1, 1, time_zone="UTC")
    loans, payments = lender.rows("loans"), lender.rows("payments")
    existing = loans.filter(pl.col("event_timestamp") < start)
    live = lender.world.state.loans
    began = lender.rows("limits").filter(pl.col("event_timestamp") < start)
    lent = cents(loans.filter(pl.col("event_timestamp") >= start)["principal"]) + cents(began["used"])
    assert len(existing) == len(began) > 100
    assert lent == cents(payments["principal"]) + int(live.outstanding.sum())
    assert (payments["amount"] - payments["principal"] - payments["interest"] - payments["fees"]).abs().max() < 0.001
    assert (live.outstanding >= 0).all()


def test_a_schedule_repays_the_loan(lender: LendingWorld) -> None:
    schedules = (
        lender.rows("instalments")
        .group_by("loan_id")
        .agg(pl.len(), pl.col("principal").sum(), pl.col("interest").min())
    )
    both = lender.rows("loans").join(schedules, on="loan_id", suffix="_repaid")
    assert len(both) == lender.rows("loans").height > 200
    assert (both["principal"] - both["principal_repaid"]).abs().max() < 0.001
    assert (both["len"] == both["term_months"]).all()
    assert both["interest"].min() >= 0


def test_an_instalment_is_the_annuity() -> None:
    """12,000 over 12 months at 12 %: 1,066.19 (any annuity table)."""
    assert instalment_cents(np.array([1_200_000]), np.array([0.12]), np.array([12], dtype=np.uint8))[0] == 106_619


def test_states_follow_days_past_due(lender: LendingWorld) -> None:
    found = lender.rows("loan_states").filter(~pl.col("state").cast(pl.String).is_in(["closed", "written_off"]))
    expected = book.states(found["days_past_due"].to_numpy())
    assert (found["state"].to_physical().to_numpy() == expected).all()
    assert set(found["state"].cast(pl.String)) == {"current", "late_1_29", "late_30_59", "late_60_89", "default"}


def test_loans_cure_and_roll(lender: LendingWorld) -> None:
    moves = lender.rows("loan_states").filter("changed").sort("loan_id", "event_timestamp")
    pairs = moves.with_columns(
        before=pl.col("state").shift(1).over("loan_id").cast(pl.String), after=pl.col("state").cast(pl.String)
    )
    seen = set(zip(pairs["before"], pairs["after"], strict=True))
    assert {
        ("late_1_29", "current"),
        ("late_1_29", "late_30_59"),
        ("late_30_59", "current"),
        ("late_60_89", "default"),
    } <= seen
    assert ("current", "default") not in seen


def test_every_live_loan_has_a_row_at_each_months_end(lender: LendingWorld) -> None:
    ends = lender.rows("loan_states").filter(pl.col("month_end"))
    paid = lender.rows("loan_states").filter(pl.col("state").cast(pl.String).is_in(["closed", "written_off"]))
    over = dict(paid.group_by("loan_id").agg(pl.col("event_timestamp").min()).iter_rows())
    for day in (date(2024, 1, 31), date(2024, 3, 31), date(2024, 5, 31)):
        lent = lender.rows("loans").filter(pl.col("event_timestamp").dt.date() <= day)["loan_id"].to_list()
        live = {loan for loan in lent if loan not in over or over[loan].date() > day}
        told = ends.filter(pl.col("event_timestamp").dt.date() == day)["loan_id"].to_list()
        assert len(told) == len(set(told)) > 100
        assert set(told) == live
    assert ends["changed"].any()


def test_each_instalment_is_charged_its_own_late_days_once() -> None:
    """Two instalments of 100, 40 and 9 days late; the older one is paid first, the other two days later."""
    loans, day = book.no_loans(), Day.on(date(2024, 3, 20))
    one = {name: np.zeros(1, dtype=column.dtype) for name, column in loans.arrays().items()}
    month = Day.on(date(2024, 2, 1)).month
    one |= {"first_month": np.array([month]), "due_on": np.array([9], np.uint8), "instalment": np.array([100_00])}
    loans = loans.extended(type(loans).of(one))
    both = repayment._late_fees(day, loans, np.array([0]), np.array([2]))
    first = repayment._late_fees(day, loans, np.array([0]), np.array([1]))
    loans.paid[0] = 1
    second = repayment._late_fees(Day(day.number + 2), loans, np.array([0]), np.array([1]))
    assert (first[0], second[0], both[0]) == (160, 52, 204)


def test_the_true_chance_is_what_happens() -> None:
    """The forward sum over paths against ten thousand lives of one kind of borrower, lived day by day."""
    size, draw = 10_000, np.random.default_rng(3)
    months = np.full(size, 12)
    who = hazard.Borrower(
        np.full(size, -1.6), np.full(size, -0.4), np.zeros(size), np.full(size, 0.02), np.zeros(size, bool)
    )
    expected = hazard.default_chance(who, 0.1, months)[0]
    shocked, unpaid_since, over = np.zeros(size, bool), np.full(size, -1), np.zeros(size, bool)
    defaulted = np.zeros(size, bool)
    for day in range(1, 366):
        if day % 30 == 0 and day // 30 <= 12:
            shocked = np.where(shocked, draw.random(size) >= hazard.SHOCK_ENDS, draw.random(size) < 0.02)
            level = -1.6 + 0.1 + hazard.SHOCKED_INDEX * shocked
            current = (unpaid_since < 0) & ~over
            over |= current & (draw.random(size) < hazard.PREPAY)
            misses = current & ~over & (draw.random(size) < hazard.missing(level))
            unpaid_since = np.where(misses, day, unpaid_since)
        late = np.where(unpaid_since >= 0, day - unpaid_since, 0)
        rate = hazard.cure_rate(late, np.full(size, -0.4), shocked)
        cures = (late > 0) & (draw.random(size) < -np.expm1(-rate))
        defaulted |= (late >= 90) & ~cures
        over |= defaulted
        one = cures & (late >= 30) & (draw.random(size) < hazard.PARTLY)
        unpaid_since = np.where((cures & ~one) | defaulted, -1, unpaid_since + 30 * one)
    assert abs(defaulted.mean() - expected) < 0.02
    assert 0.1 < expected < 0.6


def test_collections_make_people_pay() -> None:
    """The same luck with and without calls: who is late in the end differs by the calls alone."""
    left_alone = LendingWorld(1_200).run(1, hands_off())
    called = deepcopy(left_alone)
    for _ in range(20):
        left_alone.step(Decisions())
        called.step(Decisions(collections=called.late.select("loan_id", "customer_id", action=pl.lit("call"))))
    assert called.rows("collections").height > 50
    assert called.late.height < 0.85 * left_alone.late.height


def test_orders_change_limits_prices_and_who_may_borrow() -> None:
    lender = LendingWorld(1_000).run(1, hands_off())
    loans = lender.world.state.loans
    loan, borrower, before = int(loans.id[0]), int(loans.customer[0]), int(loans.instalment[0])
    everyone = np.arange(1, 1_001)
    lender.step(
        Decisions(
            prices=pl.DataFrame({"customer_id": [borrower], "loan_id": [loan], "rate": [0.05]}),
            limits=pl.DataFrame({"customer_id": [borrower], "limit": [123.0]}),
            blocks=pl.DataFrame({"customer_id": everyone, "blocked": np.ones(1_000, dtype=bool)}),
        )
    )
    loans = lender.world.state.loans
    assert loans.rate[loans.id == loan][0] == 0.05
    assert loans.instalment[loans.id == loan][0] < before
    schedules = lender.rows("instalments").filter(pl.col("loan_id") == loan)
    rewritten = schedules.filter(pl.col("created_timestamp").dt.date() == date(2024, 2, 1)).sort("number")
    due = ((rewritten["principal"] + rewritten["interest"]) * 100).round().to_list()
    assert set(due[:-1]) == {float(loans.instalment[loans.id == loan][0])}
    assert cents(rewritten["principal"]) == loans.outstanding[loans.id == loan][0]
    first, repriced = lender.rows("loans").filter(pl.col("loan_id") == loan).sort("created_timestamp").to_dicts()
    assert (first["change"], repriced["change"]) == ("paid_out", "repriced")
    assert (repriced["rate"], repriced["instalment"]) == (0.05, loans.instalment[loans.id == loan][0] / 100)
    assert repriced["created_timestamp"].date() == date(2024, 2, 1)
    changed = {"rate", "instalment", "change", "created_timestamp"}
    assert {name for name in first if first[name] != repriced[name]} == changed
    told = lender.rows("limits").filter(pl.col("customer_id") == borrower)["reason"].cast(pl.String).to_list()
    assert told[-2:] == ["lowered", "blocked"]
    applied = lender.rows("applications").height
    for _ in range(20):
        lender.step(Decisions())
    assert lender.rows("applications").height == applied


def test_a_restructured_loan_has_a_new_schedule() -> None:
    lender = LendingWorld(3_000).run(2, hands_off())
    before = {name: column.copy() for name, column in lender.world.state.loans.arrays().items()}
    lender.step(Decisions(collections=lender.late.select("loan_id", "customer_id", action=pl.lit("restructure"))))
    loans, old = lender.world.state.loans, dict(zip(before["id"], before["term"], strict=True))
    longer = np.flatnonzero([old.get(loan, term) < term for loan, term in zip(loans.id, loans.term, strict=True)])
    assert len(longer) > 3
    told = lender.rows("instalments").filter(pl.col("created_timestamp").dt.date() == date(2024, 3, 1))
    for at in longer:
        mine = told.filter(pl.col("loan_id") == int(loans.id[at])).sort("number")
        assert mine["number"].to_list() == list(range(int(loans.paid[at]) + 1, int(loans.term[at]) + 1))
        assert cents(mine["principal"]) == loans.outstanding[at]
        assert mine["event_timestamp"].dt.date()[0] > date(2024, 2, 28)
        whole = lender.rows("loans").filter(pl.col("loan_id") == int(loans.id[at])).sort("created_timestamp")
        assert whole["change"].cast(pl.String).to_list() == ["paid_out", "restructured"]
        assert whole["term_months"].to_list() == [old[int(loans.id[at])], int(loans.term[at])]
        assert whole["first_due"].n_unique() == whole["event_timestamp"].n_unique() == 1


def test_postponed_months_cost_interest_which_is_paid() -> None:
    """Two instalments of twelve are put off: their months' interest is in the new schedule, and in what is paid."""
    one = {name: np.zeros(1, dtype=column.dtype) for name, column in book.no_loans().arrays().items()}
    one |= {"term": np.array([12], np.uint8), "paid": np.array([3], np.uint8), "due_on": np.array([9], np.uint8)}
    one |= {"rate": np.array([0.24]), "outstanding": np.array([900_00]), "first_month": np.array([648])}
    loans, at = book.no_loans().of(one), np.array([0])
    agree(loans, at)
    usual = schedule(loans, np.array([0]))
    put_off(loans, at, np.array([2]))
    agree(loans, at)
    later = schedule(loans, np.array([0]))
    assert later["interest_cents"].sum() - usual["interest_cents"].sum() == 2 * 18_00
    assert later["principal_cents"].sum() == 900_00
    due = later["interest_cents"] + later["principal_cents"]
    assert due.max() - due.min() < 10
    early = loans.kept(slice(None))
    assert pay_off(early, at) == (900_00, 3 * 18_00)
    repaid, interest = pay(loans, at, np.array([9]))
    assert (repaid[0], interest[0]) == (900_00, later["interest_cents"].sum())
    assert (loans.outstanding[0], loans.deferred[0], loans.paid[0]) == (0, 0, 12)
