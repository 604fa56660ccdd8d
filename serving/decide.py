"""Decide: application, features, context and release → decision. Pure, on arrays: n = 1 online, n = many in a batch.

Order: lists and hard rules → calibrated PD → score → grade → limit → reasons. Features that are missing, stale, late or
unusable never approve and never decline by score: the application goes to review, and the decision says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.permitted import FeatureColumn
from features.spec import EVENT
from serving import reasons
from serving.applications import Application, Applications, Circumstances, Context
from serving.causes import Cause
from serving.counter_change import counter_changes
from serving.counter_offer import counter_offers
from serving.decisions import Decisions, pack
from serving.evaluation import Scores
from serving.in_turn import judge_in_turn
from serving.policy import GRADES, Policy, PropensityPolicy, RiskPolicy
from serving.problems import Problems
from serving.scoring import CheckedInputs, Column, LoadedModel, Scored, check_inputs
from serving.verdict import Assessed, Verdict, consent_causes, judge
from training.score import Floats

__all__ = [
    "Application",
    "Applications",
    "Circumstances",
    "Context",
    "Decider",
    "FeatureRows",
    "NothingToDecide",
    "decide",
    "find_problems",
    "frame_rows",
    "late_rows",
    "online_rows",
    "target",
]

Section = TypeVar("Section", RiskPolicy, PropensityPolicy)

OUTCOMES = np.array(["approve", "review", "decline"])
"""By severity."""
DAY = 86_400.0
CLOCK_SKEW = 5 / (24 * 60)
"""Days by which a feature may seem to come from the future before it is refused."""


class Decider(Protocol):
    """What deciding needs of a release."""

    @property
    def sha(self) -> str:
        """The release's name."""

    @property
    def policy(self) -> Policy:
        """Its policy."""

    @property
    def models(self) -> Mapping[str, LoadedModel]:
        """Its models by name."""


@dataclass(frozen=True)
class FeatureRows:
    """Feature values by name, and by view the age in days of each row (NaN: there is none); None: missing.

    `late`: the features could not be read in time, so that their absence says nothing about the customer.
    """

    rows: int
    values: Mapping[str, Column]
    ages: Mapping[str, Floats]
    late: bool = False


def online_rows(
    values: Mapping[str, Column], event_timestamps: Mapping[str, list[datetime | None]], at: datetime
) -> FeatureRows:
    """Rows as the online store gives them, aged at the time of the decision."""
    now = at.timestamp()
    ages = {
        view: np.array([np.nan if time is None else (now - time.timestamp()) / DAY for time in times])
        for view, times in event_timestamps.items()
    }
    rows = max((len(times) for times in event_timestamps.values()), default=0)
    return FeatureRows(rows, values, ages)


def frame_rows(frame: pl.DataFrame, columns: tuple[FeatureColumn, ...], at: datetime | None = None) -> FeatureRows:
    """Rows of a training set or a batch, aged at `at`; without it, at each row's own event (age 0)."""
    values: dict[str, Column] = {
        column.name: frame[column.name].to_numpy() if column.dtype == "float" else frame[column.name].to_list()
        for column in columns
    }
    if at is None:
        age = np.zeros(frame.height)
    else:
        age = (at.timestamp() - frame[EVENT].dt.epoch("us").to_numpy() / 1e6) / DAY
    return FeatureRows(frame.height, values, {column.view: age for column in columns})


def late_rows(rows: int) -> FeatureRows:
    """What is known when the features did not come in time: nothing."""
    return FeatureRows(rows, {}, {}, late=True)


def decide(
    release: Decider, applications: Applications, features: FeatureRows, context: Context, *, in_turn: bool = False
) -> Decisions:
    """Approve, review or decline each application; `in_turn`: each finds the quotas as those before it leave them."""
    policy, risk = release.policy, _required(release.policy.risk, "risk")
    model = release.models[risk.model]
    checked = check_inputs(model.columns, features.values, features.rows)
    problems = find_problems(model, features, checked)
    scored = model.score(checked.inputs)
    terms = _Points.of(risk, model, scored)
    unscored = problems.unscored
    score = np.where(unscored, np.nan, terms.score)
    grade, limit = _grade(score, risk)
    scores = Scores(score, np.where(unscored, np.nan, scored.probability), grade)
    known = Assessed(risk, model, features.values, problems, scores, limit)
    verdict, context = (judge_in_turn if in_turn else _judge)(known, applications, context)
    outcome = OUTCOMES[verdict.severity]
    offers = counter_offers(known, applications, context, verdict)
    return pack(
        release.sha, model, policy, outcome, scored, problems, verdict.causes,
        passes=score >= risk.review_below,
        score=score, grade=grade, limit=np.where(verdict.severity == 0, verdict.limit, 0.0),
        base=terms.base, points=terms.contributions, clipped=terms.clipped,
        confirmations=_confirmations(risk, verdict, score, applications.amount),
        counter_offer=offers, counter_changes=counter_changes(known, applications, context, verdict, offers),
        open_rules=verdict.open_rules, used=context.used,
    )  # fmt: skip


def _judge(known: Assessed, applications: Applications, context: Context) -> tuple[Verdict, Context]:
    return judge(known, applications, context), context


def target(release: Decider, features: FeatureRows, context: Context) -> Decisions:
    """Contact or skip each person of a campaign; without usable features, or while contacts are paused: skip."""
    policy, propensity = release.policy, _required(release.policy.propensity, "propensity")
    model = release.models[propensity.model]
    checked = check_inputs(model.columns, features.values, features.rows)
    problems = find_problems(model, features, checked)
    scored = model.score(checked.inputs)
    likely = scored.probability >= propensity.contact_from
    causes = (
        Cause(reasons.UNDER_CONTACT_FROM, ~likely & ~problems.unscored, 1),
        Cause(reasons.PAUSED, context.paused, 1),
        *consent_causes(context),
    )
    skipped = np.logical_or.reduce([problems.any, *(cause.rows for cause in causes)])
    outcome = np.where(skipped, "skip", "contact")
    return pack(
        release.sha, model, policy, outcome, scored, problems, causes,
        passes=likely,
        base=float(model.calibration.log_odds(model.table.base)),
        points=model.calibration.slope * scored.contributions,
    )  # fmt: skip


def find_problems(model: LoadedModel, features: FeatureRows, checked: CheckedInputs) -> Problems:
    """What is wrong with each row's features; whatever is, it may not approve."""
    none = np.full(features.rows, np.nan)
    ages = np.array([features.ages.get(view, none) for view in model.views]).T
    return Problems(
        inputs=tuple(model.position),
        views=tuple(model.views),
        late=np.full(features.rows, features.late),
        missing=(checked.missing & model.required) | np.isnan(ages)[:, model.view_of],
        invalid=checked.invalid,
        stale=ages > np.array([*model.views.values()]),
        future=ages < -CLOCK_SKEW,
    )


@dataclass(frozen=True)
class _Points:
    """The score as a sum: base + contributions + clipped."""

    base: float
    contributions: Floats
    clipped: Floats
    score: Floats

    @classmethod
    def of(cls, risk: RiskPolicy, model: LoadedModel, scored: Scored) -> "_Points":
        scale, calibration = risk.scale, model.calibration
        zero, factor = scale.base, scale.points_per_log_odds
        unclipped = zero + factor * scored.log_odds
        score = np.maximum(np.minimum(unclipped, 100), 0)
        base = zero + factor * float(calibration.log_odds(model.table.base))
        return cls(base, factor * calibration.slope * scored.contributions, score - unclipped, score)


def _grade(score: Floats, risk: RiskPolicy) -> tuple[NDArray[np.str_], Floats]:
    """Grade and largest limit of each score; no grade and no limit without a score."""
    reached = np.searchsorted(risk.cut_points, score, side="right")
    reached = np.where(np.isnan(score), len(GRADES), reached)
    return np.array([*GRADES[::-1], ""])[reached], np.array([*risk.rising_limits, np.nan])[reached]


def _confirmations(risk: RiskPolicy, verdict: Verdict, score: Floats, amount: Floats) -> NDArray[np.intp]:
    """How many people must confirm an approval: none where it is decided, two for a review of high risk."""
    # Written so that NaN, no score, counts as high risk.
    high = ~(score >= risk.two_people.score_below)
    if risk.two_people.amount_from is not None:
        high |= amount >= risk.two_people.amount_from
    return np.where(verdict.severity == 1, np.where(high, 2, 1), 0)


def _required(section: Section | None, kind: str) -> Section:
    if section is None:
        raise NothingToDecide(f"the release's policy has no {kind} section; expected one to answer by")
    return section


class NothingToDecide(ValueError):
    """The release decides nothing of this kind."""
