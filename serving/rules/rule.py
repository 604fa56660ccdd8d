"""A hard rule of `policy.yaml`, and an expression in its language."""

from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from features.documents import Document
from serving.reasons import Reason
from serving.rules.kinds import Kinds, check_kinds
from serving.rules.names import AMOUNT, GRANTED
from serving.rules.parser import parse
from serving.rules.scalar import Evaluate, compiled
from serving.rules.sense import check_sense
from serving.rules.syntax import Kind, Node, RuleError, names_in, with_name

RuleOutcome = Literal["review", "decline"]
Expression = Annotated[str, Field(min_length=1, examples=["feature.late_streak >= 4 and request.amount > 20_000"])]


class Rule(Document):
    """A hard rule; its id is the reason code of the decisions it moved."""

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=63)]
    when: Expression
    outcome: RuleOutcome
    when_open: Literal["review", "pass"] = Field(
        "review", description="what it leads to where something missing keeps it from holding or failing"
    )
    first_day: date | None = Field(None, description="first business date on which it holds; none: always has")
    last_day: date | None = Field(None, description="last business date on which it holds; none: until it is removed")
    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)

    @model_validator(mode="after")
    def _lasts(self) -> "Rule":
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise ValueError(f"last_day {self.last_day} is before first_day {self.first_day}; expected it on or after")
        return self

    @model_serializer(mode="wrap")
    def _whole(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What it says: one that says nothing of being open keeps the bytes it had before it could."""
        found: dict[str, Any] = whole(self)
        if self.when_open == "review":
            found.pop("when_open", None)
        return found

    @cached_property
    def tree(self) -> Node:
        """The syntax tree of the condition; `is missing` asks for the amount as it was stated."""
        return with_name(parse(self.when), AMOUNT, GRANTED)

    @cached_property
    def test(self) -> Evaluate:
        """The condition over one row: true, false, or None where something missing leaves it open."""
        return compiled(self.tree)

    @cached_property
    def reason(self) -> Reason:
        """What a customer is told where it fires."""
        return Reason(self.id, self.en, self.zh)

    @cached_property
    def open_reason(self) -> Reason:
        """What a customer is told where it is open."""
        en = f"Something is missing that the rule {self.id} looks at."
        return Reason(f"{self.id}_OPEN", en, f"缺少规则 {self.id} 所需的信息。")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What it looks at."""
        return names_in(parse(self.when))

    @cached_property
    def of_features(self) -> bool:
        """Whether it looks at features, or at what is computed from them."""
        return any(name.startswith("feature.") or name in ("score", "probability", "grade") for name in self.names)

    def holds_on(self, day: date | None) -> bool:
        """Whether it is in force; on a day that is not known it is, to be on the safe side."""
        if day is None:
            return True
        return (self.first_day is None or day >= self.first_day) and (self.last_day is None or day <= self.last_day)


def nonsense_in(text: str) -> str | None:
    """What an expression of fitting kinds says that no application can meet, or that all do."""
    try:
        check_sense(parse(text))
    except RuleError as error:
        return str(error)
    return None


def fault_in(text: str, expected: Kind, kinds: Kinds | None) -> str | None:
    """What is wrong with an expression, if anything; without `kinds` only its grammar is looked at."""
    try:
        tree = parse(text)
        if kinds is not None:
            check_kinds(tree, expected, kinds)
    except RuleError as error:
        return str(error)
    return None
