"""When a canary is stopped: for each limit, beyond chance, and for nothing else."""

import numpy as np
import pytest

from serving.policy import CanaryLimits
from serving.trial.guard import Judged, broken

LIMITS = CanaryLimits()


def arm(n: int, approved: float = 0.6, degraded: float = 0.02, seconds: float = 0.002, seed: int = 0) -> list[Judged]:
    random = np.random.default_rng(seed)
    times = seconds * np.exp(0.3 * random.standard_normal(n))
    return [
        Judged(bool(random.random() < approved), bool(random.random() < degraded), False, float(took)) for took in times
    ]


def failed(n: int) -> list[Judged]:
    return [Judged(True, False, True, 0.002)] * n


def limit(canary: list[Judged], champion: list[Judged] | None = None, limits: CanaryLimits = LIMITS) -> str:
    found = broken(limits, arm(1000) if champion is None else champion, canary)
    return found.limit if found else ""


def test_a_challenger_like_the_champion_is_left_alone_however_often_it_is_looked_at() -> None:
    stops = 0
    for seed in range(15):
        champion, canary = arm(2000, seed=2 * seed + 1), arm(2000, seed=2 * seed + 2)
        stops += any(limit(canary[:n], champion[:n]) for n in range(30, 2000, 97))
    assert stops == 0


@pytest.mark.parametrize(
    ("canary", "expected"),
    [
        (failed(5) + arm(25), "error_rate"),
        (arm(40, degraded=1.0), "degraded_rise"),
        (arm(30, approved=0.0), "approval_difference"),
        (arm(60, approved=1.0), "approval_difference"),
        (arm(100, seconds=0.02), "latency_ratio"),
        (failed(40), "error_rate"),
        (arm(29, approved=0.0), ""),  # too few to be judged
        (arm(200, approved=0.55), ""),
        (failed(1) + arm(99), ""),
        (arm(99, seconds=0.02), ""),
    ],
)
def test_each_limit_is_broken_beyond_chance_only(canary: list[Judged], expected: str) -> None:
    assert limit(canary) == expected


def test_what_both_suffer_from_is_not_the_challenger_s_fault() -> None:
    assert limit(arm(200, degraded=1.0, approved=0.0), arm(1000, degraded=1.0, approved=0.0)) == ""
    assert limit(arm(200, seconds=0.05), arm(1000, seconds=0.05)) == ""


def test_without_the_champion_s_decisions_only_failures_are_judged() -> None:
    assert limit(arm(200, approved=0.0), []) == ""
    assert limit(failed(30), []) == "error_rate"


def test_limits_are_the_policy_s_and_the_figures_are_told() -> None:
    wide = CanaryLimits(approval_difference=0.9, minimum=10)
    assert limit(arm(200, approved=0.0), limits=wide) == ""
    found = broken(CanaryLimits(minimum=10), arm(500, approved=1.0), arm(20, approved=0.0))
    assert found is not None
    assert found.why == "approved 0 of 20, the champion 500 of 500: -100.0 points; allowed are 10.0 points either way"
