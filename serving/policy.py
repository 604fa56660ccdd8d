"""`policy.yaml`: what a lender decides by: score anchors, cut-offs, grades, limits, rules, reasons and gates."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, model_validator

from features.documents import Document, Key, misplaced, read_document
from features.permitted import FeatureColumn, select
from features.spec import FeatureSpec, Name
from serving.reasons import CAUSES
from serving.rules import Rule
from training.score import ScoreScale
from training.spec import ModelsSpec

Grade = Literal["A", "B", "C", "D", "E"]
GRADES: tuple[Grade, ...] = ("A", "B", "C", "D", "E")
Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=63)]
Points = Annotated[float, Field(ge=0, le=100)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Gates(Document):
    """What a candidate must keep to before its model may decide."""

    largest_auc_loss: float = Field(ge=0, lt=0.5, description="AUC it may lose to the champion, same out-of-time rows")
    largest_calibration_error: float = Field(gt=0, lt=1, description="expected calibration error out of time")
    calibration: Literal["block", "warn"] = Field("block", description="what a larger calibration error does")
    scorecard: Literal["block", "warn"] = Field("warn", description="what not beating the scorecard out of time does")
    approval_gap_points: float = Field(5, gt=0, le=100, description="gap between groups from which to warn; no block")
    score_tolerance: float = Field(1e-6, gt=0, description="how far a reloaded model's log-odds may be from training's")


class RiskPolicy(Document):
    """How a PD becomes a score, a grade, a limit and an outcome."""

    model: Name
    scale: ScoreScale
    review_below: Points = Field(60, description="a lower score is never approved without a person")
    decline_below: Points = Field(description="a lower score is declined")
    grades: dict[Grade, Points] = Field(description="lowest score of a grade; E is the rest")
    limits: dict[Grade, Amount] = Field(description="largest credit limit of a grade")
    rules: tuple[Rule, ...] = ()
    gates: Gates

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

    def _faults(self) -> Iterator[tuple[Key, str]]:
        if self.decline_below > self.review_below:
            yield ("decline_below",), f"{self.decline_below:g} is above review_below {self.review_below:g}"
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
        lowest = next(grade for grade in GRADES if self.review_below >= self.grades.get(grade, 0))
        if self.limits[lowest] == 0:
            yield ("limits", lowest), f"a score of {self.review_below:g} is approved: expected a limit above 0"
        ids = [rule.id for rule in self.rules]
        for position, rule in enumerate(self.rules):
            if rule.id in ids[:position]:
                yield ("rules", position, "id"), f"{rule.id!r} names an earlier rule too; ids are unique"


class PropensityPolicy(Document):
    """Whom a campaign contacts."""

    model: Name
    contact_from: float = Field(gt=0, lt=1, description="the lowest probability worth a contact: cost over gain")
    gates: Gates


class Reason(Document):
    """A reason a person can act on: the features whose contributions it sums, in plain words."""

    features: tuple[Name, ...] = Field(min_length=1)
    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


class Absence(Document):
    """Features that may be missing, as a model has learned from their absence, and what it means."""

    because: str = Field(min_length=1)
    features: tuple[Name, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Known:
    """What the portfolio's other files hold, that a policy refers to."""

    features: FeatureSpec
    models: ModelsSpec

    def inputs(self, model: str) -> list[FeatureColumn]:
        """The features a model reads."""
        return select(self.features, self.models.models[model].service)


class Policy(Document):
    """The whole of `policy.yaml`."""

    risk: RiskPolicy | None = None
    propensity: PropensityPolicy | None = None
    may_be_missing: tuple[Absence, ...] = ()
    reasons: dict[Code, Reason] = Field(description="inputs of a model that are in none are summed as `other`")
    reasons_shown: int = Field(4, ge=1, le=20)

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> "Policy":
        faults = [*self._faults()]
        if isinstance(info.context, Known) and not faults:
            faults = [*self._unknown(info.context)]
        if faults:
            raise misplaced(faults)
        return self

    def section(self, model: str) -> RiskPolicy | PropensityPolicy:
        """The part of the policy about a model."""
        for section in (self.risk, self.propensity):
            if section is not None and section.model == model:
                return section
        raise KeyError(model)

    def kind(self, model: str) -> Literal["risk", "propensity"]:
        """What a model is decided by as."""
        return "risk" if self.risk is not None and self.risk.model == model else "propensity"

    @cached_property
    def optional(self) -> frozenset[str]:
        """Features without which a customer may still be approved."""
        return frozenset(feature for absence in self.may_be_missing for feature in absence.features)

    @property
    def models(self) -> list[str]:
        """Names of the models the policy decides by."""
        return [section.model for section in (self.risk, self.propensity) if section is not None]

    def _faults(self) -> Iterator[tuple[Key, str]]:
        if not self.models:
            yield (), "neither risk nor propensity; expected at least one: there is nothing to decide"
        if len(set(self.models)) < len(self.models):
            yield ("propensity", "model"), f"{self.models[0]!r} is the model of risk too; expected another"
        rules = self.risk.rules if self.risk else ()
        for position, rule in enumerate(rules):
            if rule.id in CAUSES or rule.id in self.reasons:
                whose = "a reason of the platform" if rule.id in CAUSES else "a code of reasons"
                yield ("risk", "rules", position, "id"), f"{rule.id!r} is {whose}; expected a name of its own"
        owner: dict[str, str] = {}
        for code, reason in self.reasons.items():
            if code in CAUSES:
                yield ("reasons", code), f"{code!r} is a reason of the platform; expected another name"
            for position, feature in enumerate(reason.features):
                if feature in owner:
                    yield ("reasons", code, "features", position), f"{feature!r} is in {owner[feature]} already"
                owner.setdefault(feature, code)

    def _unknown(self, known: Known) -> Iterator[tuple[Key, str]]:
        for kind, section in (("risk", self.risk), ("propensity", self.propensity)):
            if section is None:
                continue
            candidates = sorted(name for name, model in known.models.models.items() if model.kind == kind)
            if section.model not in candidates:
                yield (
                    (kind, "model"),
                    f"models.yaml has no {kind} model {section.model!r}; expected one of {candidates}",
                )
                return
        inputs = {column.name for model in self.models for column in known.inputs(model)}
        for key, feature in self._named():
            if feature not in inputs:
                yield key, f"{feature!r} is no input of {self.models}; expected one of {sorted(inputs)}"
        yield from self._not_numbers(known)

    def _not_numbers(self, known: Known) -> Iterator[tuple[Key, str]]:
        if self.risk is None:
            return
        numbers = {column.name for column in known.inputs(self.risk.model) if column.dtype == "float"}
        for position, rule in enumerate(self.risk.rules):
            feature = rule.when.feature
            if feature is not None and feature not in numbers:
                place = ("risk", "rules", position, "when", "subject")
                yield place, f"{feature!r} is not a number that model {self.risk.model!r} reads"

    def _named(self) -> Iterator[tuple[Key, str]]:
        """Every place that names a feature."""
        for code, reason in self.reasons.items():
            for position, feature in enumerate(reason.features):
                yield ("reasons", code, "features", position), feature
        for group, absence in enumerate(self.may_be_missing):
            for position, feature in enumerate(absence.features):
                yield ("may_be_missing", group, "features", position), feature


def read_policy(path: Path, features: FeatureSpec, models: ModelsSpec) -> Policy:
    """Parse `policy.yaml` and check it against the portfolio's `features.yaml` and `models.yaml`."""
    return read_document(path, Policy, context=Known(features, models))
