"""From reviews to the documents that the API answers with and the command line shows."""

from datetime import datetime
from typing import Any

from serving.answers import answer_of
from serving.api.review_schemas import ActAnswer, ReviewAnswer, ReviewSummary, ViewAge
from serving.api.schemas import ReviewedAnswer, ReviewState
from serving.decide import Decider
from serving.log.record import QUOTAS_USED, Record
from serving.policy import Reviews
from serving.reviews.act import Act
from serving.reviews.allowed import largest
from serving.reviews.board import Case
from serving.reviews.listing import Listed
from serving.reviews.review import Standing

_DAY = 86_400.0


def reviewed(case: Case, terms: Reviews, at: datetime) -> ReviewedAnswer:
    """What a partner is told of its decision that was left to people."""
    return ReviewedAnswer.model_validate(
        {**answer_of(case.decision).model_dump(), "review": review_state(case, terms, at)}
    )


def review_state(case: Case, terms: Reviews, at: datetime) -> ReviewState:
    """How a review stands, as a partner is told."""
    reasons = case.acts[-1].reasons if case.acts and case.acts[-1].outcome is not None else ()
    return ReviewState.model_validate({**_state(case.standing(terms, at)), "reasons": reasons})


def summary_of(listed: Listed, *, of_staff: bool) -> ReviewSummary:
    """A review in a list."""
    standing = listed.standing
    common = {
        **_state(standing),
        "decision_id": listed.decision_id,
        "portfolio": listed.portfolio,
        "opened_at": listed.opened_at,
        "expires_at": standing.due,
        "confirmations": listed.confirmations,
    }
    if not of_staff:
        return ReviewSummary.model_validate(common)
    asked = {"partner": listed.partner, "score": listed.score, "grade": listed.grade}
    return ReviewSummary.model_validate(common | asked | _people(standing))


def review_of(case: Case, release: Decider, at: datetime) -> ReviewAnswer:
    """All that a person needs to decide a review, under the policy in force."""
    record, standing = case.decision, case.standing(release.policy.reviews, at)
    asked = dict(record.personal or {})
    identity = asked.pop("identity", None)
    asked.pop(QUOTAS_USED, None)
    names = ("decision_id", "portfolio", "partner", "score", "grade", "entity_id", "release", "probability", "reasons")
    return ReviewAnswer.model_validate(
        {
            **_state(standing),
            **_people(standing),
            **{name: getattr(record, name) for name in names},
            "opened_at": standing.refused_at or record.decided_at,
            "expires_at": standing.due,
            "confirmations": case.confirmations,
            "decided": record.outcome,
            "asked": asked,
            "identity_given": sorted(identity) if isinstance(identity, dict) else [],
            "may_grant": largest(release, record),
            "contributions": record.terms,
            "rules": record.rules,
            "problems": record.context.get("problems", {}),
            "features": record.features,
            "ages": _ages(record),
            "acts": [_act(act) for act in case.acts],
        }
    )


def _state(standing: Standing) -> dict[str, Any]:
    # A limit that waits for a second person is nobody's yet.
    limit = standing.limit if standing.outcome == "approve" else None
    return {
        "state": standing.state,
        "outcome": standing.outcome,
        "limit": limit,
        "decided_at": standing.ended_at,
        "refused_at": standing.refused_at,
    }


def _people(standing: Standing) -> dict[str, Any]:
    return {
        "holder": standing.holder,
        "held_until": standing.until,
        "proposed_by": standing.proposer,
        "decided_by": list(standing.decided_by),
    }


def _ages(record: Record) -> dict[str, ViewAge]:
    found = {}
    for view, time in record.feature_times.items():
        seen = None if time is None else datetime.fromisoformat(time)
        age = None if seen is None else (record.decided_at - seen).total_seconds() / _DAY
        found[view] = ViewAge(observed_at=seen, age_days=age)
    return found


def _act(act: Act) -> ActAnswer:
    names = ("by", "at", "until", "limit", "outcome", "reason", "reasons")
    return ActAnswer.model_validate({"act": act.name, **{name: getattr(act, name) for name in names}})
