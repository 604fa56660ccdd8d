"""One application decided without arrays: what `decide` gives its row, bit for bit, in a fraction of the time.

NumPy takes about a microsecond for an operation, however short the array, and deciding has hundreds of them. Here plain
numbers take the same steps in the same order; a property test holds the two together. What is rare is left to the
arrays: features that are missing, stale or not usable, models that read categories, changes of terms to search for.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.applications import Application, Circumstances
from serving.causes import in_order
from serving.counter_offer import offer_single
from serving.decide import CLOCK_SKEW, OUTCOMES, Decider, FeatureRows
from serving.decisions import Decision, Terms
from serving.policy import GRADES, CounterOffer, Policy, RiskPolicy
from serving.reasons import Reason, strongest_of
from serving.scoring import LARGEST, LoadedModel
from serving.single_verdict import Known, Single, judge_single
from training.score import Floats

_RISING = (*GRADES[::-1],)
_OUTCOMES = tuple(str(outcome) for outcome in OUTCOMES)


def decide_single(
    release: Decider, application: Application, features: FeatureRows, found: Circumstances
) -> Decision | None:
    """The decision on one application, or None: only `decide` can tell."""
    policy, risk = release.policy, release.policy.risk
    if risk is None or features.rows != 1:
        return None
    model = release.models[risk.model]
    numbers = usable_numbers(model, features)
    if numbers is None:
        return None
    scored = _Scored.of(risk, model, numbers)
    grade, limit = grade_of(risk, scored.score)
    known = Known(risk, model, features.values, scored.score, scored.probability, grade, limit)
    verdict = judge_single(known, application, found)
    offer = offer_single(known, application, found, verdict)
    if offer is None and _may_change(risk.counter_offer, verdict):
        return None
    outcome = _OUTCOMES[verdict.severity]
    shown = strongest_of(scored.listed, scored.score >= risk.review_below, policy.reasons_shown)
    return Decision(
        kind=model.kind,
        model=model.name,
        release=release.sha,
        outcome=outcome,  # type: ignore[arg-type]
        probability=scored.probability,
        score=scored.score,
        grade=grade,
        limit=verdict.limit if verdict.severity == 0 else 0.0,
        terms=_terms(model, scored, shown),
        reasons=_reasons(policy, risk, model, scored, shown, verdict),
        problems={},
        confirmations=_confirmations(risk, verdict, scored.score, application.amount),
        counter_offer=offer,
        open_rules=verdict.open_rules,
    )


def _may_change(terms: CounterOffer | None, verdict: Single) -> bool:
    """Whether another value of one of the terms that may be changed might be approved."""
    if terms is None or terms.changes is None or not verdict.severity:
        return False
    return any(map(verdict.tied_to, terms.changes.fields))


def usable_numbers(model: LoadedModel, features: FeatureRows) -> NDArray[np.float32] | None:
    """The model's inputs, when there is nothing wrong with any of them; NaN: missing, and may be."""
    if model.splits is None or features.late:
        return None
    for view, days in model.views.items():
        ages = features.ages.get(view)
        if ages is None or not -CLOCK_SKEW <= ages[0] <= days:  # NaN, no row, is neither
            return None
    try:
        exact = np.array([features.values[name][0] for name in model.position], dtype=np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if exact.ndim != 1:
        return None
    size = np.abs(exact)
    # Whole in most rows; else what is not there must be something that may be missing.
    if size.max() <= LARGEST or not ((size > LARGEST) | (np.isnan(exact) & model.required)).any():
        return exact.astype(np.float32)
    return None


def grade_of(risk: RiskPolicy, score: float) -> tuple[str, float]:
    """The grade and the largest limit of a score."""
    reached = bisect_right(risk.cut_points, score)
    return _RISING[reached], risk.rising_limits[reached]


@dataclass(frozen=True, slots=True)
class _Scored:
    """The score with what it is a sum of; `listed`: the points of the reason codes as plain numbers."""

    probability: float
    score: float
    base: float
    points: Floats
    clipped: float
    listed: list[float]

    @classmethod
    def of(cls, risk: RiskPolicy, model: LoadedModel, numbers: NDArray[np.float32]) -> "_Scored":
        contributions, log_odds, probability = model.score_single(numbers)
        scale, calibration = risk.scale, model.calibration
        zero, factor = scale.base, scale.points_per_log_odds
        unclipped = zero + factor * log_odds
        score = min(max(unclipped, 0.0), 100.0)
        points = factor * calibration.slope * contributions
        base = zero + factor * (calibration.slope * model.table.base + calibration.intercept)
        return cls(probability, score, base, points, score - unclipped, points[: len(model.codes)].tolist())


def _terms(model: LoadedModel, scored: _Scored, shown: Sequence[int]) -> Terms:
    contributions = {model.codes[column]: scored.listed[column] for column in shown}
    # NumPy's sums, which add up in an order of their own.
    other = float(np.add.reduce(scored.points) - np.add.reduce(scored.points[shown]))
    return Terms(scored.base, contributions, other, scored.clipped)


def _reasons(
    policy: Policy, risk: RiskPolicy, model: LoadedModel, scored: _Scored, shown: Sequence[int], verdict: Single
) -> tuple[Reason, ...]:
    """Causes first, then the contributions that pushed the same way; each code once."""
    favourable = verdict.severity == 0
    causes = [] if favourable else in_order(verdict.causes, risk.strongest_first)
    found = {cause.reason.code: cause.reason for cause in causes}
    # A score that passes is no reason for a review that something else caused.
    if (scored.score >= risk.review_below) == favourable:
        for column in shown:
            points = scored.listed[column]
            if (points > 0) == favourable:
                code = model.codes[column]
                text = policy.reasons[code]
                found.setdefault(code, Reason(code, text.en, text.zh, points))
    return tuple(found.values())


def _confirmations(risk: RiskPolicy, verdict: Single, score: float, amount: float | None) -> int:
    if verdict.severity != 1:
        return 0
    two, asked = risk.two_people, amount
    large = two.amount_from is not None and asked is not None and asked >= two.amount_from
    return 2 if large or score < two.score_below else 1
