"""Reading decisions again: the answer and what it was made of, for the partner that asked for it and nobody else."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Request
from fastapi import Path as InPath
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from serving.answers import Answer, answer_of
from serving.api.gate import SECURED, in_scope, json_response, present
from serving.api.problems import Problem, documented
from serving.api.schemas import DecisionAnswer, PropensityAnswer, ReasonAnswer, ReviewedAnswer, ReviewState
from serving.clerk import Clerk
from serving.desk import now
from serving.log.database import LogUnavailable
from serving.log.record import Record
from serving.partners.partner import Scope
from serving.policy import Reviews
from serving.reviews.answers import review_state, reviewed
from serving.reviews.board import Case, may_be_reviewed

DecisionId = Annotated[
    str,
    InPath(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", examples=["0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10"]),
]
T = TypeVar("T")
_REFUSALS = documented(401, 403, 404, 405, 422, 429, 431, 500, 503)


class ExplanationAnswer(BaseModel):
    """What a decision was made of."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "decision_id": "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10",
                    "portfolio": "taiwan_cards",
                    "model": "risk",
                    "release": "9f2c" * 16,
                    "decided_at": "2026-03-02T09:30:00Z",
                    "outcome": "review",
                    "probability": 0.31,
                    "score": 58.2,
                    "reasons": [{"code": "LATE", "en": "Bills were paid late.", "zh": "曾逾期还款。", "points": -9.1}],
                    "contributions": {"base": 70.0, "LATE": -9.1, "other": -2.7, "clipped": 0.0},
                    "rules": [],
                    "problems": {},
                    "feature_times": {"behaviour": "2026-03-01T00:00:00.000000Z"},
                    "review": {
                        "state": "open",
                        "outcome": None,
                        "limit": None,
                        "decided_at": None,
                        "refused_at": None,
                        "reasons": [],
                    },
                }
            ]
        }
    )

    decision_id: str
    portfolio: str
    model: str
    release: str = Field(description="SHA-256 of the release that decided")
    decided_at: datetime
    outcome: str
    probability: float | None
    score: float | None
    reasons: list[ReasonAnswer] = Field(description="the strongest first")
    contributions: dict[str, float] = Field(description="points of the score by reason code; they sum to the score")
    rules: list[str] = Field(description="ids of the policy's rules that fired")
    problems: dict[str, list[str]] = Field(description="features that were missing, late or too old")
    feature_times: dict[str, str | None] = Field(description="when what is known was observed, by feature view")
    review: ReviewState | None = Field(None, description="how the review by people stands; null: a machine decided")


def add_reading(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    """Add the routes that read a decision."""

    @app.get(
        "/v1/decisions/{decision_id}",
        response_model=ReviewedAnswer | DecisionAnswer | PropensityAnswer,
        responses=_REFUSALS,
        tags=["v1"],
        openapi_extra=SECURED,
    )
    async def read_decision(request: Request, decision_id: DecisionId) -> Response:
        """Give the answer of a decision of yours again, and what people made of it where it was left to them."""
        worker = present(clerk())
        record = await own_decision(request, worker, decision_id, "read")
        return json_response(await _looked_up(_answer, worker, record))

    @app.get(
        "/v1/decisions/{decision_id}/explanation",
        response_model=ExplanationAnswer,
        responses=_REFUSALS,
        tags=["v1"],
        openapi_extra=SECURED,
    )
    async def explain(request: Request, decision_id: DecisionId) -> Response:
        """Say what a decision of yours was made of."""
        worker = present(clerk())
        record = await own_decision(request, worker, decision_id, "read")
        return json_response(await _looked_up(_explanation, worker, record))


async def own_decision(request: Request, clerk: Clerk, decision_id: str, scope: Scope) -> Record:
    """A decision of the partner that asks, whose key must open `scope`; or the `Problem` that there is none."""
    partner = in_scope(request, scope)
    record = await _looked_up(clerk.records.find_own, partner.name, decision_id)
    if record is None or record.erased or not partner.sees(record.portfolio):
        # One answer for what is not there and for what is another's: an id that was guessed right tells nothing.
        raise Problem(404, "you have no such decision", at=("path", "decision_id"))
    return record


async def _looked_up(look: Callable[..., T], *given: Any) -> T:
    try:
        return await asyncio.get_running_loop().run_in_executor(None, look, *given)
    except LogUnavailable:
        raise Problem(503, "the decision log cannot be read; try again", headers={"retry-after": "1"}) from None


def _answer(clerk: Clerk, record: Record) -> Answer:
    case = _case(clerk, record)
    return answer_of(record) if case is None else reviewed(case, _terms(clerk, record), now())


def _case(clerk: Clerk, record: Record) -> Case | None:
    """The review of a decision; None: people are not to decide it."""
    if clerk.reviews is None or not may_be_reviewed(record):
        return None
    case = clerk.reviews.of(record)
    return case if case.is_review else None


def _terms(clerk: Clerk, record: Record) -> Reviews:
    served = clerk.runtime.get(record.portfolio)
    return served.loaded.release.policy.reviews if served and served.loaded else Reviews()


def _explanation(clerk: Clerk, record: Record) -> ExplanationAnswer:
    case = _case(clerk, record)
    return ExplanationAnswer.model_validate(
        {
            "decision_id": record.decision_id,
            "portfolio": record.portfolio,
            "model": record.model,
            "release": record.release,
            "decided_at": record.decided_at,
            "outcome": record.outcome,
            "probability": record.probability,
            "score": record.score,
            "reasons": record.reasons,
            "contributions": record.terms,
            "rules": record.rules,
            "problems": record.context.get("problems", {}),
            "feature_times": record.feature_times,
            "review": None if case is None else review_state(case, _terms(clerk, record), now()),
        }
    )
