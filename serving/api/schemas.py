"""What the API takes and gives: the request and answer documents, with limits and examples."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from serving.money import LARGEST_AMOUNT
from serving.pricing import HIGHEST_RATE, LONGEST
from serving.signals import Identity

EntityId = Annotated[
    Annotated[StrictInt, Field(ge=0, lt=2**63)]
    | Annotated[StrictStr, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")],
    Field(description="the portfolio's own id of the customer or contact; never written to a log line"),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DecisionRequest(_Request):
    """An application for credit."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"entity_id": 17, "amount": 50000, "purpose": "card"}, {"entity_id": 17}]}
    )

    entity_id: EntityId
    amount: float | None = Field(
        None, gt=0, le=LARGEST_AMOUNT, allow_inf_nan=False, strict=True, description="what is asked for, if anything"
    )
    purpose: str | None = Field(
        None, pattern=r"^[a-z][a-z0-9_]*$", max_length=63, strict=True, description="what it is for, as a short code"
    )
    term_months: int | None = Field(None, ge=1, le=LONGEST, strict=True, description="months of equal instalments")
    annual_rate: float | None = Field(
        None,
        ge=0,
        le=HIGHEST_RATE,
        allow_inf_nan=False,
        strict=True,
        description="nominal interest a year: 0.18 is 18 %",
    )
    fees: float | None = Field(
        None, ge=0, le=LARGEST_AMOUNT, allow_inf_nan=False, strict=True, description="all fees, kept back at the start"
    )
    monthly_income: float | None = Field(
        None, ge=0, le=LARGEST_AMOUNT, allow_inf_nan=False, strict=True, description="income a month as stated"
    )
    exposure: float | None = Field(
        None, ge=0, le=LARGEST_AMOUNT, allow_inf_nan=False, strict=True, description="what the customer owes already"
    )
    refuse_automation: bool = Field(
        False, strict=True, description="the applicant wants a person to decide: always review, by no machine"
    )
    identity: Identity | None = Field(None, description="who asks, where the policy looks at lists or signals")


class PropensityRequest(_Request):
    """A person whom a campaign may contact."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entity_id": 4711}]})

    entity_id: EntityId


class ReasonAnswer(BaseModel):
    """Why, in plain words."""

    code: str
    en: str
    zh: str
    points: float | None = Field(None, description="what it moved the score by; null: not a part of the score")


class _Answer(BaseModel):
    decision_id: str = Field(description="names the decision in the log")
    portfolio: str
    entity_id: str
    model: str
    release: str = Field(description="SHA-256 of the release that decided")
    decided_at: datetime
    probability: float | None = Field(description="null: there were no usable features")
    stale: bool = Field(description="features were missing, late or too old; never approved then")
    reasons: list[ReasonAnswer] = Field(description="the strongest first")


_COMMON: dict[str, Any] = {
    "decision_id": "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10",
    "release": "9f2c" * 16,
    "decided_at": "2026-03-02T09:30:00Z",
    "stale": False,
}


_DECISION: dict[str, Any] = {
    **_COMMON,
    "portfolio": "taiwan_cards",
    "entity_id": "17",
    "model": "risk",
    "probability": 0.0713,
    "outcome": "approve",
    "score": 78.4,
    "grade": "B",
    "limit": 120000.0,
    "counter_offer": None,
    "counter_change": None,
    "reasons": [{"code": "PAID_ON_TIME", "en": "Bills were paid on time.", "zh": "按时还款。", "points": 9.1}],
}


class CounterChange(BaseModel):
    """Another value of one term of the application, with which it would have been approved."""

    model_config = ConfigDict(
        serialize_by_alias=True, json_schema_extra={"examples": [{"field": "term_months", "from": 6, "to": 12}]}
    )

    field: Literal["term_months", "annual_rate", "fees", "purpose"]
    asked: float | str | None = Field(alias="from", description="what was asked for")
    to: float | str = Field(description="what would have been approved")


class DecisionAnswer(_Answer):
    """A decision on credit, already in the log."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DECISION]})

    outcome: Literal["approve", "review", "decline"]
    score: float | None = Field(description="0–100, higher is safer; null: there was nothing to score by")
    grade: Literal["A", "B", "C", "D", "E"] | None
    limit: float = Field(description="the largest amount granted; 0 unless approved")
    counter_offer: float | None = Field(
        None, description="the largest amount that would have been approved, where only the amount stood in the way"
    )
    counter_change: CounterChange | None = Field(
        None,
        description="where no amount would have been, the nearest change of one term, among those the policy names",
    )


class ReviewState(BaseModel):
    """How the review of a decision stands."""

    state: Literal["open", "claimed", "confirming", "approved", "declined", "expired"]
    outcome: Literal["approve", "decline", "expired"] | None = Field(
        description="what it ended with; null: it has not ended"
    )
    limit: float | None = Field(description="the largest amount granted, of an approval by people")
    decided_at: datetime | None = Field(description="when it ended")
    refused_at: datetime | None = Field(
        None,
        description="when the applicant refused the machine's decision; null: the machine left it to people",
    )
    reasons: list[ReasonAnswer] = Field(default=[], description="what people gave as reasons, if they named any")


class ReviewedAnswer(DecisionAnswer):
    """A decision that was left to people, by the machine or by its applicant, and what they made of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_DECISION,
                    "review": {
                        "state": "open",
                        "outcome": None,
                        "limit": None,
                        "decided_at": None,
                        "refused_at": "2026-03-03T08:00:00Z",
                        "reasons": [],
                    },
                }
            ]
        }
    )

    review: ReviewState


class PropensityAnswer(_Answer):
    """Whether to contact a person, already in the log."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_COMMON,
                    "portfolio": "bank_deposits",
                    "entity_id": "4711",
                    "model": "propensity",
                    "probability": 0.214,
                    "outcome": "contact",
                    "reasons": [],
                }
            ]
        }
    )

    outcome: Literal["contact", "skip"]
