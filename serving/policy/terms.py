"""The parts of a risk policy beside its score: how much, at what price, for what, for how many, checked by whom."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from features.documents import Document
from serving.rules import Expression, Node, names_in, parse
from serving.rules.rule import RuleOutcome
from serving.rules.scalar import Evaluate, compiled

Points = Annotated[float, Field(ge=0, le=100)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Purpose = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
Signal = Literal["liveness", "voice_print", "device"]
ConsentPurpose = Literal["credit", "marketing", "identity"]
Changeable = Literal["term_months", "annual_rate", "fees", "purpose"]
MOST_CHANGES = 40
"""Other values that are tried for one application."""
SIGNALS: tuple[Signal, ...] = ("liveness", "voice_print", "device")
ListName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]


class Capacity(Document):
    """What a customer can carry: the limit is never above it; where it is missing, a person decides."""

    amount: Expression = Field(description="a number in the rule language, such as 0.3 * 12 * request.monthly_income")
    because: str = Field(min_length=1)

    @cached_property
    def tree(self) -> Node:
        """The syntax tree of the amount."""
        return parse(self.amount)

    @cached_property
    def value(self) -> Evaluate:
        """The amount for one row, None where something in it is missing."""
        return compiled(self.tree)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What it looks at."""
        return names_in(self.tree)


class Price(Document):
    """The most a loan may cost a year, interest and fees together (an effective annual rate, 0.24 is 24 %)."""

    ceiling: float = Field(gt=0, le=10)
    over: RuleOutcome = Field("review", description="what a price above the ceiling leads to")
    required: bool = Field(False, description="whether an application without a price goes to review")


class Purposes(Document):
    """What money may be lent for: the purposes listed as allowed, or all but those forbidden."""

    allowed: tuple[Purpose, ...] = ()
    forbidden: tuple[Purpose, ...] = ()
    otherwise: RuleOutcome = Field("decline", description="what any other purpose leads to")
    required: bool = Field(False, description="whether an application without a purpose goes to review")

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Purposes":
        if bool(self.allowed) == bool(self.forbidden):
            raise ValueError("expected either allowed or forbidden purposes, and at least one of them")
        return self

    def permits(self, purpose: str) -> bool:
        """Whether money may be lent for it."""
        return purpose in self.allowed if self.allowed else purpose not in self.forbidden


class Quota(Document):
    """How many approvals, or how much money approved, in a calendar day or month (UTC); beyond it a person decides."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
    of: Literal["approvals", "amount"]
    each: Literal["day", "month"]
    at_most: float = Field(gt=0, allow_inf_nan=False)
    purpose: Purpose | None = Field(None, description="counts this purpose only; none: all of them")


class TwoPeople(Document):
    """Which approvals out of review two different people must confirm."""

    score_below: Points = Field(40, description="an application with a lower score, or without any")
    amount_from: Amount | None = Field(None, description="an application for this much or more")


class Reviews(Document):
    """How people decide what a machine leaves to them; beside this, `two_people` says which approvals need two."""

    claim_minutes: int = Field(30, ge=1, le=1_440, description="a claim that led to nothing by then is free again")
    claims_each: int = Field(5, ge=1, le=1_000, description="open claims that one person may hold")
    expire_days: int = Field(14, ge=1, le=365, description="a review that nobody ended by then ends by itself")
    expired: Literal["decline", "expired"] = Field("expired", description="outcome of a review that ended by itself")
    at_most: Amount | None = Field(
        None, description="the most that people may approve; none: the limit of the grade, or the lowest limit there is"
    )


class Span(Document):
    """Numbers that may be offered in the place of the one asked for: `at_least`, and so on by `step` to `at_most`."""

    at_least: Amount
    at_most: Amount
    step: float = Field(gt=0, allow_inf_nan=False)

    @cached_property
    def values(self) -> tuple[float, ...]:
        """All of them, rising; none when there are more than may be tried."""
        steps = (self.at_most - self.at_least) / self.step
        if not 0 <= steps <= MOST_CHANGES:
            return ()
        return tuple(round(self.at_least + place * self.step, 10) for place in range(int(steps + 1e-9) + 1))


class Changes(Document):
    """Terms of which another value may be offered, one at a time; nothing about a person is among them."""

    term_months: Span | None = None
    annual_rate: Span | None = None
    fees: Span | None = None
    purpose: tuple[Purpose, ...] = Field((), description="the preferred first")

    @cached_property
    def spans(self) -> dict[Changeable, Span]:
        """The numbers among them."""
        found: tuple[tuple[Changeable, Span | None], ...] = (
            ("term_months", self.term_months),
            ("annual_rate", self.annual_rate),
            ("fees", self.fees),
        )
        return {name: span for name, span in found if span is not None}

    @cached_property
    def fields(self) -> tuple[Changeable, ...]:
        """Which they are, the first preferred of two that are as near."""
        return (*self.spans, *(("purpose",) if self.purpose else ()))

    @model_validator(mode="after")
    def _few(self) -> "Changes":
        for name, span in self.spans.items():
            if not span.values:
                raise ValueError(f"{name}: expected at_most on or above at_least, and {MOST_CHANGES} steps at most")
            if name == "term_months" and any(value < 1 or value % 1 for value in span.values):
                raise ValueError("term_months: expected whole months, 1 at least")
        tried = len(self.purpose) + sum(len(span.values) for span in self.spans.values())
        if not 1 <= tried <= MOST_CHANGES:
            raise ValueError(f"found {tried} values to try; expected 1 to {MOST_CHANGES}, as each is decided on")
        return self


class CounterOffer(Document):
    """What is offered in place of an application that is not approved: the largest amount that would be, or, where no
    amount would, the nearest change of its terms."""

    step: float = Field(gt=0, allow_inf_nan=False, description="offers are multiples of it")
    smallest: float = Field(gt=0, allow_inf_nan=False, description="less is not offered")
    changes: Changes | None = None

    @model_serializer(mode="wrap")
    def _whole(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What it says: one that names no changes keeps the digest it had before there were any."""
        found: dict[str, Any] = whole(self)
        if self.changes is None:
            found.pop("changes", None)
        return found


class Economics(Document):
    """What a decision earns or costs on average, in any one unit of money; `policy choose-cutoff` reads it."""

    margin_per_good: float = Field(gt=0, allow_inf_nan=False, description="earned on an approved customer who repays")
    loss_per_bad: float = Field(gt=0, allow_inf_nan=False, description="lost on an approved customer who does not")
    because: str = Field(min_length=1, description="where the figures come from")
