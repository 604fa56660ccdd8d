"""A lender steps the world: its decisions act, and a crash loses none."""

from pathlib import Path

import polars as pl
import pytest

from simulation.decisions import DecisionError, Decisions
from simulation.policies import approve_all
from simulation.run import Run
from tests.simulation.small import described, digests


def test_stepped_by_a_policy_it_is_the_simulated_world(world: Path, tmp_path: Path) -> None:
    run, policy = Run(tmp_path, described()), approve_all()
    decisions = Decisions()
    for _ in range(12):
        output = run.step(decisions)
        decisions = policy.decide(output.day, output.waiting)
    assert digests(tmp_path).items() <= digests(world).items()


def test_opened_again_it_goes_on_behind_the_journal(tmp_path: Path) -> None:
    run = Run(tmp_path, described())
    for _ in range(3):
        output = run.step(approve_all().decide(run.next_day, run.waiting))
    again = Run(tmp_path, described())
    assert again.next_day == run.next_day
    assert again.waiting.applications.equals(output.waiting.applications)


def test_declined_nobody_is_lent_to(tmp_path: Path) -> None:
    run = Run(tmp_path, described())
    loans = 0
    for day in range(10):
        waiting = run.waiting.applications
        answers = waiting.select("application_id", "customer_id", "amount", approved=pl.lit(False), rate=pl.lit(0.2))
        output = run.step(Decisions(approvals=answers))
        loans += output.raw["loans"].height if day and "loans" in output.raw else 0
    assert loans == 0


def test_a_wrong_frame_is_told() -> None:
    with pytest.raises(DecisionError, match="blocks: no column blocked"):
        Decisions(blocks=pl.DataFrame({"customer_id": [1]}))
    with pytest.raises(DecisionError, match="limits: missing values in limit"):
        Decisions(limits=pl.DataFrame({"customer_id": [1], "limit": [None]}))
    with pytest.raises(DecisionError, match="collections"):
        Decisions(collections=pl.DataFrame({"loan_id": [1], "customer_id": [1], "action": ["shout"]}))
