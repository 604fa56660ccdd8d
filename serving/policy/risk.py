"""The risk section: how a PD becomes a score, a grade, a limit and an outcome."""

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Literal

from pydantic import Field, SerializerFunctionWrapHandler, ValidationInfo, model_serializer, model_validator

from features.documents import Document, Key, misplaced
from features.spec import Name
from serving.policy.gates import Gates
from serving.policy.terms import (
    Amount,
    Capacity,
    CounterOffer,
    Economics,
    ListName,
    Points,
    Price,
    Purposes,
    Quota,
    Signal,
    TwoPeople,
)
from serving.rules import FIXED_NAMES, Kind, Kinds, Rule
from serving.rules.rule import RuleOutcome, fault_in, nonsense_in
from training.score import ScoreScale

Grade = Literal["A", "B", "C", "D", "E"]
GRADES: tuple[Grade, ...] = ("A", "B", "C", "D", "E")


RELEASED: Final = object()
"""The context in which the policy of a release is read: without an edition it is one from before there were any."""


class RiskPolicy(Document):
    """How a PD becomes a score, a grade, a limit and an outcome."""

    edition: Literal[1, 2, 3] = Field(
        3,
        description="what the words of it mean; 2: reasons in the order in which they are checked;"
        " 1: besides, rules that are open pass and amounts are not rounded",
    )
    model: Name
    scale: ScoreScale
    review_below: float = Field(60, ge=60, le=100, description="a lower score is never approved without a person")
    decline_below: Points = Field(description="a lower score is declined")
    grades: dict[Grade, Points] = Field(description="lowest score of a grade; E is the rest")
    limits: dict[Grade, Amount] = Field(description="largest credit limit of a grade")
    capacity: Capacity | None = None
    price: Price | None = None
    purposes: Purposes | None = None
    quotas: tuple[Quota, ...] = ()
    lists: dict[ListName, RuleOutcome] = Field({}, description="what a hit on each negative list leads to")
    signals: tuple[Signal, ...] = Field((), description="identity signals without which nobody is approved")
    rules: tuple[Rule, ...] = ()
    two_people: TwoPeople = TwoPeople()
    counter_offer: CounterOffer | None = None
    economics: Economics | None = None
    gates: Gates

    @model_validator(mode="before")
    @classmethod
    def _of_its_time(cls, given: Any, info: ValidationInfo) -> Any:
        if info.context is RELEASED and isinstance(given, dict):
            return {"edition": 1, **given}
        return given

    @model_serializer(mode="wrap")
    def _dated(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The first edition keeps the bytes it had before there was another."""
        found: dict[str, Any] = whole(self)
        if self.edition == 1:
            found.pop("edition", None)
        return found

    @model_validator(mode="after")
    def _steps_down(self) -> "RiskPolicy":
        if faults := [*self._faults()]:
            raise misplaced([(("risk", *key), problem) for key, problem in faults])
        return self

    @cached_property
    def cut_points(self) -> tuple[float, ...]:
        """Lowest scores of grades D, C, B and A."""
        return tuple(self.grades[grade] for grade in GRADES[-2::-1])

    @cached_property
    def rising_limits(self) -> tuple[float, ...]:
        """Limits of grades E, D, C, B and A."""
        return tuple(self.limits[grade] for grade in GRADES[::-1])

    @property
    def strongest_first(self) -> bool:
        """Whether the reasons of an answer begin with what decided its outcome."""
        return self.edition > 2

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What rules and capacity look at, each once."""
        of_rules = [name for rule in self.rules for name in rule.names]
        return tuple(dict.fromkeys([*of_rules, *(self.capacity.names if self.capacity else ())]))

    @cached_property
    def rule_ids(self) -> frozenset[str]:
        """The ids of the rules."""
        return frozenset(rule.id for rule in self.rules)

    @cached_property
    def timed(self) -> bool:
        """Whether some rule holds for a period only."""
        return any(rule.first_day or rule.last_day for rule in self.rules)

    def misread(self, features: Kinds) -> Iterator[tuple[Key, str]]:
        """Every fault of the rules and the capacity, given the kinds of the features the model reads."""
        return self._unreadable({**FIXED_NAMES, **{f"feature.{name}": kind for name, kind in features.items()}})

    def senseless(self) -> Iterator[tuple[Key, str]]:
        """Every rule that can never fire, or has a part that says nothing; asked where `misread` finds none."""
        for position, rule in enumerate(self.rules):
            if fault := nonsense_in(rule.when):
                yield ("rules", position, "when"), f"rule {rule.id}: {fault}"

    def _unreadable(self, kinds: Kinds | None) -> Iterator[tuple[Key, str]]:
        boolean: Kind = "boolean"
        for position, rule in enumerate(self.rules):
            if fault := fault_in(rule.when, boolean, kinds):
                yield ("rules", position, "when"), f"rule {rule.id}: {fault}"
        if self.capacity and (fault := fault_in(self.capacity.amount, "number", kinds)):
            yield ("capacity", "amount"), fault

    def _faults(self) -> Iterator[tuple[Key, str]]:
        if self.decline_below > self.review_below:
            yield ("decline_below",), f"{self.decline_below:g} is above review_below {self.review_below:g}"
        if steps := [*self._steps()]:
            yield from steps
            return
        lowest = next(grade for grade in GRADES if self.review_below >= self.grades.get(grade, 0))
        if self.limits[lowest] == 0:
            yield ("limits", lowest), f"a score of {self.review_below:g} is approved: expected a limit above 0"
        yield from self._twice()
        yield from self._unlent()
        yield from self._unreadable(None)

    def _steps(self) -> Iterator[tuple[Key, str]]:
        tables: list[tuple[str, dict[Grade, float], tuple[Grade, ...]]] = [
            ("grades", self.grades, GRADES[:-1]),
            ("limits", self.limits, GRADES),
        ]
        for key, values, expected in tables:
            if set(values) != set(expected):
                yield (key,), f"found {sorted(values)}; expected {list(expected)}"
                return
            for better, worse in pairwise(expected):
                if values[worse] > values[better] or (key == "grades" and values[worse] == values[better]):
                    yield (key, worse), f"{values[worse]:g} is not under the {values[better]:g} of {better}"

    def _unlent(self) -> Iterator[tuple[Key, str]]:
        changes = self.counter_offer.changes if self.counter_offer else None
        for position, purpose in enumerate(changes.purpose if changes else ()):
            if self.purposes is not None and not self.purposes.permits(purpose):
                where = ("counter_offer", "changes", "purpose", position)
                yield where, f"{purpose!r} is no purpose that money is lent for; expected one that `purposes` permits"

    def _twice(self) -> Iterator[tuple[Key, str]]:
        for key, ids in (("rules", [one.id for one in self.rules]), ("quotas", [one.id for one in self.quotas])):
            for position, found in enumerate(ids):
                if found in ids[:position]:
                    yield (key, position, "id"), f"{found!r} names an earlier {key[:-1]} too; ids are unique"
