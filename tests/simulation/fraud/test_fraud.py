"""Fraudsters borrow, send the money on and never pay; victims lose theirs; raw tables do not tell who is which."""

import numpy as np
import polars as pl

from benchmarks.lending_world import LendingWorld
from simulation.calendar import Day, days
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.fraud import disguise
from simulation.fraud.identities import NEW, STOLEN, TAKEOVER
from simulation.fraud.takeovers import Takeovers
from simulation.schema import RAW
from simulation.schema.lending import CHECKS
from simulation.schema.money import Kind
from tests.simulation.lures import lured, scenario


def test_loans_to_fraudsters_are_never_paid() -> None:
    world = lured()
    fraud = world.rows("true_fraud").filter(pl.col("application_id") > 0).select("application_id")
    asked = world.rows("true_applications").join(fraud, on="application_id")
    assert len(asked) > 60
    assert not asked["intends_to_pay"].any()
    assert (asked["pd"] == 1).all()
    lent = world.rows("loans").join(fraud, left_on="loan_id", right_on="application_id").select("loan_id")
    assert len(lent) > 30
    assert world.rows("payments").join(lent, on="loan_id").is_empty()
    loans = world.world.state.loans
    due = np.isin(loans.id, lent["loan_id"].to_numpy()) & (loans.billed > 0)
    assert due.sum() > 10
    assert (loans.paid[due] == 0).all()


def test_a_bust_out_has_a_good_history() -> None:
    world = lured()
    bust = world.rows("true_fraud").filter(pl.col("pattern").cast(pl.String) == "bust_out")["customer_id"].unique()
    people, start = world.world.state.people, Day.on(world.world.state.scenario.start).number
    mine = np.isin(people.id, bust.to_numpy())
    assert (people.joined[mine] < people.strikes[mine] - 200).all()
    paid = world.rows("payments").filter(pl.col("customer_id").is_in(bust.implode()))
    strikes = dict(zip(people.id[mine].tolist(), people.strikes[mine].tolist(), strict=True))
    last = dict(paid.group_by("customer_id").agg(pl.col("event_timestamp").max().dt.epoch("d")).iter_rows())
    assert len(last) > 5
    assert all(last[who] <= strikes[who] for who in last)
    assert min(strikes.values()) >= start


def test_a_takeover_leaves_traces_and_empties_the_account() -> None:
    world = LendingWorld(600, scenario())
    state, draws, victims, lost = world.world.state, Draws(1), 0, 0
    for day in days(state.scenario.start, 6):
        events = Takeovers().step(day, state, Decisions(), draws)
        moved = state.postings.taken()
        if events:
            results = events["logins"]["result"].reshape(-1, 5)
            assert (results[:, -1] == 0).all()
            assert (results[:, :3] == 1).all()
            victims += len(results)
            lost += -sum(int(part["cents"].sum()) for part in moved if part["kind"][0] == Kind.TRANSFER_OUT)
    assert victims == (state.people.pattern == TAKEOVER).sum() > 5
    assert lost > 0


def test_checks_fall_for_the_stolen_and_are_perfect_for_the_forged() -> None:
    size = 2_000
    ids, usual = np.arange(size), np.full(size, 0.92)
    liveness = np.full(size, CHECKS.code("liveness"))
    scores = {
        code: disguise.signal_scores(Draws(1), np.full(size, code), ids, liveness, usual) for code in (0, STOLEN, NEW)
    }
    assert (scores[0] == usual).all()
    assert scores[STOLEN].mean() < 0.6
    assert scores[NEW].min() >= 0.994


def test_raw_tables_do_not_tell() -> None:
    truth = {"pattern", "ring_id", "ring", "strikes", "stops", "intends_to_pay", "chance_with", "chance_without", "pd"}
    assert not [name for table in RAW.values() for name in table.schema if name in truth]


def test_a_years_enquiries_hold_a_quarters_and_no_accounts_no_cards() -> None:
    found = lured().rows("bureau").filter("found")
    assert len(found) > 500
    assert found.filter(pl.col("enquiries_3m") > pl.col("enquiries_12m")).is_empty()
    assert found.filter((pl.col("open_accounts") == 0) & (pl.col("card_utilisation") > 0)).is_empty()
    assert (found["enquiries_3m"] % 1 == 0).all()
