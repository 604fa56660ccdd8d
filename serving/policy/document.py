"""`policy.yaml`: what a lender decides by: score anchors, cut-offs, grades, limits, rules, reasons and gates."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, ValidationInfo, model_serializer, model_validator

from features.documents import Document, Key, misplaced, read_document
from features.permitted import FeatureColumn, select
from features.spec import FeatureSpec, Name
from serving.policy.canary import CanaryLimits
from serving.policy.gates import Gates
from serving.policy.risk import RiskPolicy
from serving.policy.terms import ConsentPurpose, Reviews
from serving.reasons import CAUSES
from serving.rules import Kinds
from training.score import ScoreScale
from training.spec import ModelsSpec

Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=63)]


class PropensityPolicy(Document):
    """Whom a campaign contacts."""

    model: Name
    contact_from: float = Field(gt=0, lt=1, description="the lowest probability worth a contact: cost over gain")
    gates: Gates


class BehaviourPolicy(Document):
    """Which borrowers of the live book are watched: it grants and refuses nothing."""

    model: Name
    scale: ScoreScale
    watch_below: float = Field(ge=0, le=100, description="a borrower with a lower score is looked at")
    gates: Gates


class Reason(Document):
    """A reason a person can act on: the features whose contributions it sums, in plain words."""

    features: tuple[Name, ...] = Field(min_length=1)
    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


Section = RiskPolicy | PropensityPolicy | BehaviourPolicy


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
    behaviour: BehaviourPolicy | None = None
    may_be_missing: tuple[Absence, ...] = ()
    reasons: dict[Code, Reason] = Field(description="inputs of a model that are in none are summed as `other`")
    reasons_shown: int = Field(4, ge=1, le=20)
    consents: tuple[ConsentPurpose, ...] = Field((), description="purposes for which nothing is read without consent")
    canary: CanaryLimits = Field(CanaryLimits(), description="what a challenger must keep to while it is tried")
    reviews: Reviews = Reviews()

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> "Policy":
        faults = [*self._faults()]
        if isinstance(info.context, Known) and not faults:
            faults = [*self._unknown(info.context)]
        if faults:
            raise misplaced(faults)
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_asked_for(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A release is named by the bytes of its policy: one that asks for nothing of this keeps its name.
        found: dict[str, Any] = whole(self)
        usual_values = (("behaviour", None), ("consents", ()), ("canary", CanaryLimits()), ("reviews", Reviews()))
        for name, usual in usual_values:
            if getattr(self, name) == usual:
                found.pop(name, None)
        return found

    def section(self, model: str) -> Section:
        """The part of the policy about a model."""
        for section in self.sections.values():
            if section.model == model:
                return section
        raise KeyError(model)

    def kind(self, model: str) -> Literal["risk", "propensity"]:
        """What a model is decided by as."""
        return "propensity" if isinstance(self.section(model), PropensityPolicy) else "risk"

    @property
    def sections(self) -> dict[str, Section]:
        """The parts that are about a model, by their key."""
        found = {"risk": self.risk, "propensity": self.propensity, "behaviour": self.behaviour}
        return {key: section for key, section in found.items() if section is not None}

    @cached_property
    def optional(self) -> frozenset[str]:
        """Features without which a customer may still be approved."""
        return frozenset(feature for absence in self.may_be_missing for feature in absence.features)

    @property
    def models(self) -> list[str]:
        """Names of the models the policy decides by."""
        return [section.model for section in self.sections.values()]

    def _faults(self) -> Iterator[tuple[Key, str]]:
        if self.risk is None and self.propensity is None:
            yield (), "neither risk nor propensity; expected at least one: there is nothing to decide"
        owners: dict[str, str] = {}
        for key, section in self.sections.items():
            if section.model in owners:
                yield (key, "model"), f"{section.model!r} is the model of {owners[section.model]} too; expected another"
            owners.setdefault(section.model, key)
        rules = self.risk.rules if self.risk else ()
        for position, rule in enumerate(rules):
            if rule.id in CAUSES or rule.id in self.reasons:
                whose = "a reason of the platform" if rule.id in CAUSES else "a code of reasons"
                yield ("risk", "rules", position, "id"), f"{rule.id!r} is {whose}; expected a name of its own"
            told = rule.open_reason.code
            # A released policy of the first edition never tells it.
            if (
                self.risk
                and self.risk.edition > 1
                and (told in self.reasons or any(other.id == told for other in rules))
            ):
                where = ("risk", "rules", position, "id")
                yield where, f"{told!r}, the reason where {rule.id!r} is open, is in use; expected another name"
        owner: dict[str, str] = {}
        for code, reason in self.reasons.items():
            if code in CAUSES:
                yield ("reasons", code), f"{code!r} is a reason of the platform; expected another name"
            for position, feature in enumerate(reason.features):
                if feature in owner:
                    yield ("reasons", code, "features", position), f"{feature!r} is in {owner[feature]} already"
                owner.setdefault(feature, code)

    def _unknown(self, known: Known) -> Iterator[tuple[Key, str]]:
        for key, section in self.sections.items():
            kind = "propensity" if isinstance(section, PropensityPolicy) else "risk"
            candidates = sorted(name for name, model in known.models.models.items() if model.kind == kind)
            if section.model not in candidates:
                yield (
                    (key, "model"),
                    f"models.yaml has no {kind} model {section.model!r}; expected one of {candidates}",
                )
                return
        inputs = {column.name for model in self.models for column in known.inputs(model)}
        for where, feature in self._named():
            if feature not in inputs:
                yield where, f"{feature!r} is no input of {self.models}; expected one of {sorted(inputs)}"
        yield from self._misread(known)

    def _misread(self, known: Known) -> Iterator[tuple[Key, str]]:
        if self.risk is not None:
            misread = [*self.risk.misread(feature_kinds(known.inputs(self.risk.model)))]
            for key, problem in misread or self.risk.senseless():
                yield ("risk", *key), problem

    def _named(self) -> Iterator[tuple[Key, str]]:
        """Every place that names a feature."""
        for code, reason in self.reasons.items():
            for position, feature in enumerate(reason.features):
                yield ("reasons", code, "features", position), feature
        for group, absence in enumerate(self.may_be_missing):
            for position, feature in enumerate(absence.features):
                yield ("may_be_missing", group, "features", position), feature


def feature_kinds(columns: Iterable[FeatureColumn]) -> Kinds:
    """What rules may know of each feature: a number or a text."""
    return {column.name: "number" if column.dtype == "float" else "text" for column in columns}


def read_policy(path: Path, features: FeatureSpec, models: ModelsSpec) -> Policy:
    """Parse `policy.yaml` and check it against the portfolio's `features.yaml` and `models.yaml`."""
    return read_document(path, Policy, context=Known(features, models))
