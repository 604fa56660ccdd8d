"""Gates: what a candidate release must pass before it is promoted. Pure: values in, results out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from features.documents import Document
from serving.policy import Gates
from training.evaluation import auc_loss, calibration_bins, calibration_error
from training.fairness import Gap
from training.score import Floats, Labels

Level = Literal["block", "warn"]
GateName = Literal["not_worse", "beats_scorecard", "calibrated", "permitted", "approval_gap", "reproducible"]


@dataclass(frozen=True)
class Contest:
    """Predictions of candidate and champion for the same rows, none of which either of them has learned from.

    `basis` says in words which rows and whose predictions they are; without any, there are no rows and it says why.
    """

    labels: Labels
    candidate: Floats
    champion: Floats
    basis: str


class GateResult(Document):
    """What one gate found and expected; `level`: what a failure does."""

    name: GateName
    subject: str = Field(description="the model, or the model and the group, that was looked at")
    passed: bool
    level: Level
    found: str
    expected: str
    why: str


class Promotion(Document):
    """Whether a candidate may become champion, and every gate's result."""

    allowed: bool
    results: tuple[GateResult, ...]

    @property
    def blocked_by(self) -> tuple[GateResult, ...]:
        """Failures that block."""
        return tuple(result for result in self.results if not result.passed and result.level == "block")

    @property
    def warnings(self) -> tuple[GateResult, ...]:
        """Failures that only warn."""
        return tuple(result for result in self.results if not result.passed and result.level == "warn")


def decide_promotion(results: Iterable[GateResult]) -> Promotion:
    """Allowed when no blocking gate failed; with no gate run at all there is no evidence, and nothing is allowed."""
    ran = tuple(results)
    return Promotion(allowed=bool(ran) and all(r.passed or r.level == "warn" for r in ran), results=ran)


def gates_for(changed: Collection[str], models: Collection[str]) -> dict[str, frozenset[GateName]]:
    """The gates to run for each model, given the components that changed since the champion."""
    return {model: frozenset(_due(model, changed)) for model in models}


def _due(model: str, changed: Collection[str]) -> set[GateName]:
    due: set[GateName] = {"reproducible"} if changed else set()
    if any(path.startswith(f"models/{model}/") for path in changed):
        due |= {"not_worse", "beats_scorecard", "calibrated", "permitted", "approval_gap"}
    # Other cut-offs approve other people; other features may not be permitted.
    due |= {"approval_gap"} if "policy.json" in changed else set()
    due |= {"permitted"} if "features.json" in changed else set()
    return due


def not_worse(model: str, limits: Gates, contest: Contest | None) -> GateResult:
    """Whether the candidate ranks as well as the champion does, on rows that neither has learned from.

    Fails when it loses more than the tolerance and the loss is more than chance (DeLong's paired 95 % interval), and
    when there are no such rows: what was not compared is for a person to promote.
    """
    expected = f"at most {limits.largest_auc_loss:g} AUC lost to the champion, on rows neither has learned from"
    if contest is None:
        return _result("not_worse", model, True, "no champion yet", expected, "the first release has nothing to beat")
    if not len(contest.labels):
        command = "`lendloop release promote NAME SHA --by NAME --force`"
        why = f"a champion is replaced unseen by a person only, with {command}"
        return _result("not_worse", model, False, f"not compared: {contest.basis}", expected, why)
    loss, half = auc_loss(contest.labels, contest.candidate, contest.champion)
    passed = loss <= limits.largest_auc_loss or loss - half <= 0
    found = f"{loss:+.4f} AUC lost (±{half:.4f}, {contest.basis})"
    return _result("not_worse", model, passed, found, expected, "a champion is replaced only by its equal or better")


def beats_scorecard(model: str, limits: Gates, labels: Labels, candidate: Floats, scorecard: Floats) -> GateResult:
    """Whether the candidate ranks the held-out rows better than the scorecard of the same past, by more than chance."""
    loss, half = auc_loss(labels, candidate, scorecard)
    verdict = "" if loss + half < 0 else ": may be chance" if loss < 0 else ": no better"
    found = f"{-loss:+.4f} AUC gained (±{half:.4f}, {len(labels)} held-out rows){verdict}"
    expected = "more AUC than the scorecard, beyond chance"
    why = "a model that is harder to explain has to earn it"
    return _result("beats_scorecard", model, loss + half < 0, found, expected, why, level=limits.scorecard)


def calibrated(model: str, limits: Gates, labels: Labels, candidate: Floats, contest: Contest | None) -> GateResult:
    """Whether predicted probabilities are what was observed out of time, within the limit and what chance adds.

    A candidate over the limit still passes when it is better calibrated than the champion, which it would replace, on
    rows that neither has learned from.
    """
    error, chance = calibration_error(labels, candidate), chance_error(candidate)
    passed = error <= limits.largest_calibration_error + chance
    found = f"error {error:.4f} (of which chance {chance:.4f}, {len(labels)} held-out rows)"
    if not passed and contest is not None:
        passed, compared = _better_calibrated(contest)
        found = f"{found}; {compared}"
    expected = f"at most {limits.largest_calibration_error:g} beyond chance, or less than the champion's"
    why = "cut-offs, prices and limits are set on the probability itself"
    return _result("calibrated", model, passed, found, expected, why, level=limits.calibration)


def _better_calibrated(contest: Contest) -> tuple[bool, str]:
    if not len(contest.labels):
        return False, f"not compared with the champion: {contest.basis}"
    ours, theirs = (calibration_error(contest.labels, found) for found in (contest.candidate, contest.champion))
    return ours < theirs, f"{ours:.4f} against the champion's {theirs:.4f} ({contest.basis})"


def permitted(model: str, inputs: Collection[str], allowed: Collection[str]) -> GateResult:
    """Whether every input of the model is a feature that its use permits."""
    refused = sorted(set(inputs) - set(allowed))
    found = f"not permitted: {refused}" if refused else f"{len(inputs)} inputs, all permitted"
    expected = "only features that features.yaml permits for the model's use"
    why = "a protected or forbidden column must not reach the model"
    return _result("permitted", model, not refused, found, expected, why)


def approval_gap(model: str, limits: Gates, gaps: Mapping[str, Gap]) -> list[GateResult]:
    """For each protected attribute, whether the approval rates of its groups are close; only warns."""
    results = []
    for attribute, gap in gaps.items():
        if gap.value is None or gap.low is None or gap.high is None:
            passed, found = True, "fewer than two groups large enough to compare"
        else:
            passed = 100 * gap.value <= limits.approval_gap_points
            interval = f"{100 * gap.low:.1f} to {100 * gap.high:.1f}"
            found = f"{100 * gap.value:.1f} points ({interval}), {gap.highest} over {gap.lowest}"
        expected = f"at most {limits.approval_gap_points:g} points between groups"
        why = "a wide gap needs an explanation before it is an accusation"
        subject = f"{model}: {attribute}"
        results.append(_result("approval_gap", subject, passed, found, expected, why, level="warn"))
    return results


def reproducible(
    subject: str, limits: Gates, expected_log_odds: Floats, found_log_odds: Floats, learned: str, why: str
) -> GateResult:
    """Whether a stored model gives the log-odds again that it had in training; `learned`: what it was fitted on."""
    same = expected_log_odds.shape == found_log_odds.shape and len(found_log_odds) > 0
    off = float(np.max(np.abs(expected_log_odds - found_log_odds))) if same else float("inf")
    found = f"largest difference {off:.2g} in log-odds over {len(expected_log_odds)} rows; fitted on {learned}"
    expected = f"at most {limits.score_tolerance:g}"
    return _result("reproducible", subject, off <= limits.score_tolerance, found, expected, why)


def chance_error(probability: Floats, bins: int = 10) -> float:
    """The calibration error that chance alone gives right probabilities: the mean of its bins' half-normal gaps."""
    parts = calibration_bins(np.zeros(len(probability), dtype=np.int8), probability, bins)
    gaps = [rows * np.sqrt(2 / np.pi * mean * (1 - mean) / rows) for mean, _, rows in parts]
    return float(sum(gaps) / max(len(probability), 1))


def _result(
    name: GateName, subject: str, passed: bool, found: str, expected: str, why: str, level: Level = "block"
) -> GateResult:
    return GateResult(
        name=name, subject=subject, passed=bool(passed), level=level, found=found, expected=expected, why=why
    )
