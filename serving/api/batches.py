"""Many requests in one: what `decisions:batch` and `propensities:batch` take and give."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.problems import ProblemDocument
from serving.api.schemas import DecisionAnswer, DecisionRequest, PropensityAnswer, PropensityRequest

LARGEST = 1_000
KEY_PATTERN = r"^[\x21-\x7e]+$"

ItemKey = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=255,
        pattern=KEY_PATTERN,
        description="a key of your own for this item: what the header Idempotency-Key is to a request for one",
    ),
]


class DecisionItem(DecisionRequest):
    """An application for credit, one of many."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entity_id": 17, "amount": 50000}]})

    idempotency_key: ItemKey = None


class PropensityItem(PropensityRequest):
    """A person whom a campaign may contact, one of many."""

    idempotency_key: ItemKey = None


class _Batch(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Items(_Batch):
    """Items that are not looked at yet: each is checked, and refused, by itself."""

    items: list[Any] = Field(min_length=1, max_length=LARGEST)


class DecisionsRequest(_Batch):
    """Up to 1,000 applications; each is answered by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"entity_id": 17, "amount": 50000, "idempotency_key": "a-1"},
                        {"entity_id": 18, "amount": 9000, "idempotency_key": "a-2"},
                    ]
                }
            ]
        }
    )

    items: list[DecisionItem] = Field(min_length=1, max_length=LARGEST)


class PropensitiesRequest(_Batch):
    """Up to 1,000 persons; each is answered by itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [{"entity_id": 4711}, {"entity_id": 4712}]}]})

    items: list[PropensityItem] = Field(min_length=1, max_length=LARGEST)


class _Result(BaseModel):
    index: int = Field(ge=0, lt=LARGEST, description="the item's place in the request, from 0")
    idempotency_key: str | None = Field(description="the item's own key, when it has one")


class RefusedResult(_Result):
    """An item that was not decided, and why; what is wrong with the others is their own affair."""

    status: int = Field(ge=400, le=599, description="the status that a request for this item alone would have had")
    problem: ProblemDocument


class DecisionResult(_Result):
    """A decision on one item, already in the log."""

    status: Literal[200] = 200
    answer: DecisionAnswer


class PropensityResult(_Result):
    """Whether to contact one person, already in the log."""

    status: Literal[200] = 200
    answer: PropensityAnswer


_REFUSED: dict[str, Any] = {
    "index": 1,
    "idempotency_key": None,
    "status": 422,
    "problem": {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "body.items.1.entity_id: Field required",
        "errors": [{"field": "items.1.entity_id", "location": "body", "message": "Field required"}],
    },
}


def _example(answer: type[BaseModel], key: str) -> ConfigDict:
    """An example of a batch's answer: one item answered, one refused."""
    (one,) = answer.model_json_schema()["examples"]
    given = {"index": 0, "idempotency_key": key, "status": 200, "answer": one}
    return ConfigDict(json_schema_extra={"examples": [{"results": [given, _REFUSED]}]})


class DecisionsAnswer(BaseModel):
    """What each item got, in the order of the request."""

    model_config = _example(DecisionAnswer, "a-1")

    results: list[DecisionResult | RefusedResult]


class PropensitiesAnswer(BaseModel):
    """What each item got, in the order of the request."""

    model_config = _example(PropensityAnswer, "c-1")

    results: list[PropensityResult | RefusedResult]
