"""What the API takes and gives about reviews: the documents, with limits and examples."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving.api.schemas import ReasonAnswer
from serving.money import LARGEST_AMOUNT
from serving.reviews.act import Name, Outcome
from serving.reviews.review import State

LARGEST_PAGE = 100
LONGEST_REASON = 1_000
_ID = "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10"

Reason = Annotated[
    str,
    Field(
        min_length=3,
        max_length=LONGEST_REASON,
        strict=True,
        pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b-\x1f\x7f]*$",
        description="in your own words; sealed in the log, and erased with the person",
    ),
]
Codes = Annotated[
    list[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=63, strict=True)]],
    Field(default=[], max_length=20, description="codes of the policy's reasons and rules, or of the platform's"),
]


class _Ruling(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Reason
    reasons: Codes


class RulingRequest(_Ruling):
    """How the person who holds a review decides it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"outcome": "approve", "limit": 50000, "reason": "Payslips seen; the late bill was a dispute."},
                {"outcome": "decline", "reason": "Income could not be shown.", "reasons": ["CAPACITY_UNKNOWN"]},
            ]
        }
    )

    outcome: Literal["approve", "decline"]
    limit: float | None = Field(
        None, gt=0, le=LARGEST_AMOUNT, allow_inf_nan=False, strict=True, description="the largest amount granted"
    )

    @model_validator(mode="after")
    def _limit_of_an_approval(self) -> "RulingRequest":
        if (self.outcome == "approve") != (self.limit is not None):
            raise ValueError("expected a limit with an approval, and none with a decline")
        return self


class ConfirmRequest(_Ruling):
    """What a second person says to an approval."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"agree": True, "reason": "Same documents seen, same conclusion."}]}
    )

    agree: bool = Field(strict=True, description="false: the application is declined")


class RefusalRequest(BaseModel):
    """What an applicant says who does not want to have been decided on by a machine; the body may be left out."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"reason": "I would like a person to look at it."}]},
    )

    reason: Reason | None = None


class ReviewSummary(BaseModel):
    """A review in a list; what is staff's alone is null for partners."""

    decision_id: str
    portfolio: str
    state: State
    outcome: Outcome | None = Field(description="what it ended with; null: it has not ended")
    limit: float | None = Field(description="the largest amount granted, of an approval by people")
    decided_at: datetime | None = Field(description="when it ended")
    refused_at: datetime | None = Field(None, description="when the applicant refused the machine's decision")
    opened_at: datetime
    expires_at: datetime
    confirmations: int = Field(description="how many people must approve")
    partner: str | None = None
    score: float | None = None
    grade: str | None = None
    holder: str | None = Field(None, description="who has claimed it")
    held_until: datetime | None = None
    proposed_by: str | None = Field(None, description="who approved it as the first of two")
    decided_by: list[str] = Field(default=[], description="who decided it")


_SUMMARY: dict[str, Any] = {
    "decision_id": _ID,
    "portfolio": "taiwan_cards",
    "state": "open",
    "outcome": None,
    "limit": None,
    "decided_at": None,
    "refused_at": None,
    "opened_at": "2026-03-02T09:30:00Z",
    "expires_at": "2026-03-16T09:30:00Z",
    "confirmations": 1,
    "partner": "shop",
    "score": 54.2,
    "grade": "D",
}


class ReviewsAnswer(BaseModel):
    """Reviews in the order in which they were opened."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reviews": [_SUMMARY], "next": _ID}]})

    reviews: list[ReviewSummary]
    next: str | None = Field(description="give it as `after` to get those that follow; null: there are no more")


class ActAnswer(BaseModel):
    """One step of a review."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"act": "claim", "by": "ann", "at": "2026-03-02T10:00:00Z", "until": "2026-03-02T10:30:00Z"},
                {
                    "act": "approve",
                    "by": "ann",
                    "at": "2026-03-02T10:12:00Z",
                    "limit": 50000.0,
                    "outcome": "approve",
                    "reason": "Payslips seen; the late bill was a dispute.",
                },
            ]
        }
    )

    act: Name
    by: str
    at: datetime
    until: datetime | None = Field(None, description="when a claim lapses")
    limit: float | None = None
    outcome: Outcome | None = None
    reason: str = ""
    reasons: list[ReasonAnswer] = Field(default=[])


class ViewAge(BaseModel):
    """How old the features of a view were when it was decided."""

    observed_at: datetime | None = Field(description="null: there were none")
    age_days: float | None


class ReviewAnswer(ReviewSummary):
    """A review with all that a person needs to decide it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_SUMMARY,
                    "entity_id": "17",
                    "decided": "review",
                    "asked": {"amount": 50000, "purpose": "card"},
                    "identity_given": [],
                    "may_grant": 50000.0,
                    "release": "9f2c" * 16,
                    "probability": 0.19,
                    "reasons": [{"code": "LATE", "en": "Bills were paid late.", "zh": "曾逾期还款。", "points": -9.1}],
                    "contributions": {"base": 70.0, "LATE": -9.1, "other": -6.7, "clipped": 0.0},
                    "rules": [],
                    "problems": {},
                    "features": {"late_streak": 2.0},
                    "ages": {"behaviour": {"observed_at": "2026-03-01T00:00:00Z", "age_days": 1.4}},
                    "acts": [],
                }
            ]
        }
    )

    entity_id: str
    decided: Literal["approve", "review", "decline"] = Field(description="what the machine decided")
    asked: dict[str, Any] = Field(description="what was asked for; who someone is, is shown to nobody")
    identity_given: list[str] = Field(description="which facts and checks of identity came with the request")
    may_grant: float = Field(description="the largest limit that people may grant by the policy in force")
    release: str = Field(description="SHA-256 of the release that decided")
    probability: float | None
    reasons: list[ReasonAnswer] = Field(description="why it was not approved, the strongest first")
    contributions: dict[str, float] = Field(description="points of the score by reason code; they sum to the score")
    rules: list[str] = Field(description="ids of the policy's rules that fired")
    problems: dict[str, list[str]] = Field(description="features that were missing, late or too old")
    features: dict[str, float | str | None]
    ages: dict[str, ViewAge] = Field(description="how old they were, by feature view")
    acts: list[ActAnswer] = Field(description="what was done about it, the first first")
