"""Hard rules: typed conditions over the request and the features that send an application to review or decline it."""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from features.documents import Document
from training.score import Floats

Flags = NDArray[np.bool_]
RuleOutcome = Literal["review", "decline"]


class Condition(Document):
    """One comparison; it does not hold where the subject is missing, which is a reason for review by itself."""

    subject: str = Field(pattern=r"^(request\.amount|feature\.[a-z][a-z0-9_]*)$", examples=["feature.late_streak"])
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _compares_with_something(self) -> "Condition":
        if self.above is None and self.at_least is None and self.below is None and self.at_most is None:
            raise ValueError("compares with nothing; give one or more of above, at_least, below, at_most")
        return self

    @property
    def feature(self) -> str | None:
        """The feature it looks at, if it looks at one."""
        return self.subject.removeprefix("feature.") if self.subject.startswith("feature.") else None

    def holds(self, values: Floats) -> Flags:
        """Where the comparison holds; NaN never does."""
        result = ~np.isnan(values)
        if self.above is not None:
            result &= values > self.above
        if self.at_least is not None:
            result &= values >= self.at_least
        if self.below is not None:
            result &= values < self.below
        if self.at_most is not None:
            result &= values <= self.at_most
        return result


class Rule(Document):
    """A hard rule; its id is the reason code of the decisions it moved."""

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=63)]
    when: Condition
    outcome: RuleOutcome
    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


def fire(rules: tuple[Rule, ...], subjects: Mapping[str, Floats]) -> list[Flags]:
    """For each rule, the rows on which it fires; `subjects` holds an array for each subject named."""
    return [rule.when.holds(subjects[rule.when.subject]) for rule in rules]
