import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.gates import (
    Contest,
    GateResult,
    approval_gap,
    beats_scorecard,
    calibrated,
    chance_error,
    decide_promotion,
    gates_for,
    not_worse,
    permitted,
    reproducible,
)
from serving.policy import Gates
from training.evaluation import auc, auc_loss, calibration_error
from training.fairness import approval_gap as gap_between

LIMITS = Gates(largest_auc_loss=0.005, largest_calibration_error=0.02)


def predictions(rows: int = 6000, noise: float = 0.0, seed: int = 0):
    """Labels drawn from right probabilities, and those probabilities with noise on their log-odds."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(-1, 1.2, rows)
    labels = (random.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    shaken = log_odds + noise * np.random.default_rng(seed + 1).normal(size=rows)
    return labels, 1 / (1 + np.exp(-shaken))


def contest(labels, candidate, champion):
    return Contest(labels, candidate, champion, f"{len(labels)} rows")


def test_a_better_model_passes_and_a_worse_one_is_blocked():
    labels, right = predictions()
    _, worse = predictions(noise=2)
    assert not_worse("risk", LIMITS, contest(labels, right, worse)).passed
    result = not_worse("risk", LIMITS, contest(labels, worse, right))
    assert not result.passed
    assert result.level == "block"
    assert "AUC lost" in result.found


def test_a_loss_that_may_be_chance_does_not_block():
    labels, right = predictions(rows=80)
    _, worse = predictions(rows=80, noise=0.2)
    loss, half = auc_loss(labels, worse, right)
    assert LIMITS.largest_auc_loss < loss < half
    assert not_worse("risk", LIMITS, contest(labels, worse, right)).passed


def test_a_certain_loss_within_the_tolerance_does_not_block():
    labels, right = predictions()
    _, worse = predictions(noise=2)
    assert not_worse("risk", LIMITS.model_copy(update={"largest_auc_loss": 0.3}), contest(labels, worse, right)).passed


def test_the_first_release_has_no_champion_to_beat():
    result = not_worse("risk", LIMITS, None)
    assert result.passed
    assert result.found == "no champion yet"


def test_what_was_not_compared_is_said_and_blocks():
    nothing = Contest(np.empty(0, dtype=np.int8), np.empty(0), np.empty(0), "the champion knew these labels")
    result = not_worse("risk", LIMITS, nothing)
    assert (result.passed, result.level) == (False, "block")
    assert result.found == "not compared: the champion knew these labels"
    labels, right = predictions()
    doubled = 2 * right / (1 + right)
    assert "not compared with the champion" in calibrated("risk", LIMITS, labels, doubled, nothing).found


def test_a_model_that_does_not_beat_the_scorecard_warns_or_blocks_as_the_policy_says():
    labels, right = predictions()
    _, card = predictions(noise=1)
    assert beats_scorecard("risk", LIMITS, labels, right, card).passed
    worse = beats_scorecard("risk", LIMITS, labels, card, right)
    assert (worse.passed, worse.level) == (False, "warn")
    assert "no better" in worse.found
    strict = LIMITS.model_copy(update={"scorecard": "block"})
    assert beats_scorecard("risk", strict, labels, card, right).level == "block"
    assert not beats_scorecard("risk", LIMITS, labels, right, right).passed


def test_auc_loss_is_the_difference_of_the_aucs_and_its_interval_that_of_resampling():
    labels, right = predictions(rows=1500)
    _, other = predictions(rows=1500, noise=1)
    loss, half = auc_loss(labels, other, right)
    assert loss == pytest.approx(auc(labels, right).value - auc(labels, other).value)
    random = np.random.default_rng(0)
    resampled = []
    for _ in range(300):
        rows = random.integers(0, 1500, 1500)
        resampled.append(auc_loss(labels[rows], other[rows], right[rows])[0])
    assert half == pytest.approx(1.96 * np.std(resampled), rel=0.15)
    assert auc_loss(labels, right, right) == (0, 0)


def test_right_probabilities_are_calibrated_and_doubled_odds_are_not():
    labels, right = predictions()
    assert calibrated("risk", LIMITS, labels, right, None).passed
    doubled = 2 * right / (1 + right)
    assert not calibrated("risk", LIMITS, labels, doubled, None).passed


def test_a_model_better_calibrated_than_the_champion_passes():
    labels, right = predictions()
    doubled, fourfold = 2 * right / (1 + right), 4 * right / (1 + 3 * right)
    assert calibrated("risk", LIMITS, labels, doubled, contest(labels, doubled, fourfold)).passed
    assert not calibrated("risk", LIMITS, labels, fourfold, contest(labels, fourfold, doubled)).passed


def test_few_rows_are_not_taken_for_miscalibration():
    errors, chances = [], []
    for seed in range(60):
        labels, right = predictions(rows=200, seed=seed)
        errors.append(calibration_error(labels, right))
        chances.append(chance_error(right))
    assert np.mean(errors) > LIMITS.largest_calibration_error
    assert np.mean(chances) == pytest.approx(np.mean(errors), rel=0.15)


def test_a_forbidden_input_blocks():
    assert permitted("risk", ["late_streak"], ["late_streak", "bill"]).passed
    result = permitted("risk", ["late_streak", "sex"], ["late_streak", "bill"])
    assert not result.passed
    assert "['sex']" in result.found


def test_a_wide_approval_gap_warns_and_does_not_block():
    approved = np.r_[np.ones(300), np.zeros(300)].astype(bool)
    gaps = {
        "sex": gap_between(approved, groups=["f"] * 300 + ["m"] * 300),
        "age": gap_between(approved, groups=["old", "young"] * 300),
        "marriage": gap_between(approved, groups=["one"] * 600),
    }
    results = approval_gap("risk", LIMITS, gaps)
    assert [result.passed for result in results] == [False, True, True]
    assert results[0].subject == "risk: sex"
    promotion = decide_promotion(results)
    assert promotion.allowed
    assert promotion.warnings == (results[0],)
    assert promotion.blocked_by == ()


def again(expected, found):
    return reproducible("risk", LIMITS, expected, found, "2024-01 to 2024-05, 50 rows", "why")


def test_a_release_that_scores_otherwise_than_training_is_blocked():
    scores = np.linspace(-3, 3, 50)
    assert again(scores, scores + 1e-9).passed
    assert "fitted on 2024-01 to 2024-05" in again(scores, scores).found
    assert not again(scores, scores + 1e-3).passed
    assert not again(scores, scores[:-1]).passed
    assert not again(scores, np.full(50, np.nan)).passed
    assert not again(scores[:0], scores[:0]).passed


def test_without_any_gate_nothing_is_promoted():
    assert not decide_promotion([]).allowed


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["block", "warn"])), min_size=1))
def test_promotion_is_allowed_when_no_blocking_gate_failed(drawn):
    results = [
        GateResult(name="permitted", subject="risk", passed=passed, level=level, found="", expected="", why="")
        for passed, level in drawn
    ]
    promotion = decide_promotion(results)
    assert promotion.allowed == all(passed for passed, level in drawn if level == "block")
    assert promotion.allowed == (not promotion.blocked_by)


def test_only_gates_of_changed_components_run():
    models = ["risk", "propensity"]
    everything = {"not_worse", "beats_scorecard", "calibrated", "permitted", "approval_gap", "reproducible"}
    assert gates_for({"models/risk/model.cbm"}, models) == {"risk": everything, "propensity": {"reproducible"}}
    assert gates_for({"policy.json"}, ["risk"]) == {"risk": {"approval_gap", "reproducible"}}
    assert gates_for({"features.json"}, ["risk"]) == {"risk": {"permitted", "reproducible"}}
    assert gates_for(set(), models) == {"risk": set(), "propensity": set()}
