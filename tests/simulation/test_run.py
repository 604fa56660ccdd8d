"""A lender steps the world: its decisions act, and a crash loses none."""

import math
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from simulation.calendar import Day
from simulation.decisions import SCHEMAS, DecisionError, Decisions
from simulation.description import WorldError
from simulation.policies import approve_all
from simulation.run import Run
from simulation.simulate import simulate
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


@pytest.mark.parametrize(
    ("given", "found"),
    [(None, "None"), ({"customer_id": [1]}, "dict"), ([], "list"), (pl.LazyFrame({"customer_id": [1]}), "LazyFrame")],
)
@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_no_frame_is_told(name: str, given: Any, found: str) -> None:
    told = f"{name}: found {found}; expected a Polars DataFrame of {', '.join(SCHEMAS[name])}; leave it out"
    with pytest.raises(DecisionError, match=re.escape(told)):
        Decisions(**{name: given})


@pytest.mark.parametrize(
    ("name", "frame", "told"),
    [
        ("prices", {"loan_id": [1, 2], "rate": [0.1, math.nan]}, "prices: row 1: rate is nan; expected 0 to 10"),
        ("prices", {"loan_id": [1, 2], "rate": [-0.1, 0.1]}, "prices: row 0: rate is -0.1; expected 0 to 10"),
        ("prices", {"loan_id": [1, 2], "rate": [0.1, 15.0]}, "prices: row 1: rate is 15.0; expected 0 to 10"),
        ("limits", {"limit": [math.inf, 1.0]}, "limits: row 0: limit is inf; expected 0 to 1,000,000,000,000"),
        ("limits", {"limit": [1.0, math.nan]}, "limits: row 1: limit is nan"),
        ("limits", {"limit": [1.0, -1.0]}, "limits: row 1: limit is -1.0"),
        ("approvals", {"application_id": [1, 2], "approved": [True, True], "amount": [1.0, -math.inf],
                       "rate": [0.1, 0.1]}, "approvals: row 1: amount is -inf"),
    ],
)  # fmt: skip
def test_numbers_of_which_nothing_follows_are_refused(name: str, frame: dict[str, list[float]], told: str) -> None:
    with pytest.raises(DecisionError, match=re.escape(told)):
        Decisions(**{name: pl.DataFrame({"customer_id": [1, 2], **frame})})


def test_one_folder_is_stepped_by_a_lender_or_by_a_policy(world: Path, tmp_path: Path) -> None:
    Run(tmp_path, described()).step(Decisions())
    with pytest.raises(WorldError, match="stepped by a lender, not by a policy"):
        simulate(described(), 1, tmp_path)
    with pytest.raises(WorldError, match="stepped by a policy, not by a lender"):
        Run(world, described())


def test_parts_at_different_days_are_refused(tmp_path: Path) -> None:
    halves = described(customers=20, shard=10)
    run = Run(tmp_path, halves)
    for _ in range(31):
        run.step(Decisions())
    shutil.rmtree(tmp_path / "journal")
    shutil.rmtree(tmp_path / "checkpoints" / "people-000000011")
    with pytest.raises(WorldError, match="different days \\(2024-01-01, 2024-02-01\\)"):
        Run(tmp_path, halves)


def test_rewound_it_goes_on_with_other_decisions_and_the_same_days_before(tmp_path: Path) -> None:
    rewound, other, few = Run(tmp_path / "a", described()), Run(tmp_path / "b", described()), Decisions()
    blocked = Decisions(blocks=pl.DataFrame({"customer_id": range(1, 121), "blocked": [True] * 120}))
    for day in range(36):
        rewound.step(blocked if day > 33 else few)
        if day < 34:
            other.step(few)
    rewound.rewind(Day(other.next_day.number))
    assert rewound.next_day == other.next_day
    for _ in range(3):
        rewound.step(few)
        other.step(few)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    with pytest.raises(WorldError, match="no day 2025-01-01 to go back to"):
        rewound.rewind(Day.on(date(2025, 1, 1)))
