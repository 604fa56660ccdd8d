"""`models.yaml`: the models of a portfolio, their labels, estimators, training windows and validation."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, model_validator

from features.documents import Document, read_document
from features.permitted import FeatureColumn, select
from features.spec import FeatureSpec, Name


class Within(Document):
    """True when a row of `table` reaches `at_least` in the `months` calendar months after the observation's month."""

    kind: Literal["within"]
    table: Name
    column: Name
    at_least: float
    months: int = Field(1, ge=1, le=60, description="length of the performance window")


class Recorded(Document):
    """True when the outcome recorded for the observation in `table` equals `equals`."""

    kind: Literal["recorded"]
    table: Name
    column: Name
    equals: bool | int | float | str = True


Label = Annotated[Within | Recorded, Field(discriminator="kind")]


class Boosting(Document):
    """Parameters of CatBoost; `learning_rate` null leaves the choice to CatBoost."""

    iterations: int = Field(300, ge=1, le=5000)
    depth: int = Field(4, ge=1, le=10)
    learning_rate: float | None = Field(0.05, gt=0, le=1)
    l2_leaf_reg: float = Field(3.0, ge=0)
    random_strength: float = Field(1.0, ge=0)
    rsm: float = Field(1.0, gt=0, le=1, description="share of the features tried at each split")
    subsample: float = Field(0.8, gt=0, le=1, description="share of the rows drawn for each tree")
    border_count: int = Field(128, ge=1, le=255)
    one_hot_max_size: int = Field(16, ge=1, le=255, description="categories up to which a category is one-hot")
    task_type: Literal["CPU", "GPU"] | None = Field(
        None, description="what it fits on; null: the CPU. GPUs: no two fits alike"
    )
    devices: str | None = Field(None, pattern=r"^[0-9:-]+$", description="the GPUs it takes, as 0 or 0:1 or 0-3")

    @model_validator(mode="after")
    def _fits_the_gpu(self) -> "Boosting":
        if self.task_type == "GPU" and self.rsm < 1:
            raise ValueError(f"rsm: found {self.rsm}; on a GPU CatBoost tries all features: write rsm: 1")
        if self.devices is not None and self.task_type != "GPU":
            raise ValueError("devices: names GPUs, but task_type is not GPU")
        return self


class Brought(Document):
    """A model made elsewhere, which takes the place of the estimator: a `.cbm`, or a points scorecard as `.csv`."""

    file: str = Field(pattern=r"^[^/\\].*\.(cbm|csv)$", description="its path in the portfolio's folder")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the file as it was looked at")
    by: str = Field(min_length=1, description="who brought it")
    learned_until: date | None = Field(None, description="last day whose outcomes it learned from; null: not known")
    names: dict[str, str] = Field(default={}, description="the file's name of a feature: the portfolio's")


class ScorecardSpec(Document):
    """How the benchmark scorecard is made."""

    bins: int = Field(6, ge=2, le=20, description="largest number of bins of a feature")
    sample: int = Field(20_000, ge=500, description="rows it is fitted on; a longer window is sampled")
    inverse_penalty: float = Field(1.0, gt=0, description="C of the logistic regression")


class Validation(Document):
    """What is held out: whole months for the out-of-time test, random parts for the out-of-fold one."""

    months: int = Field(1, ge=1, description="last labelled months each candidate window is judged on")
    folds: int = Field(3, ge=2, le=10)
    least_rows: int = Field(100, ge=10, description="fewest rows, in both parts, a model may be judged on")
    fold_rows: int = Field(
        30_000, ge=500, description="rows the out-of-fold figures rest on; a longer window is sampled"
    )


class FairnessSpec(Document):
    """How group fairness is measured before a policy is known."""

    approved: float = Field(0.7, gt=0, lt=1, description="share of the rows that counts as approved (or contacted)")
    smallest_group: int = Field(100, ge=10, description="groups with fewer rows are named but not compared")
    bands: dict[Name, tuple[float, ...]] = Field(default={}, description="bounds that cut a number into groups")


class ModelSpec(Document):
    """One model: what it predicts, from which features, how it is trained and judged."""

    kind: Literal["risk", "propensity"]
    meaning: str
    service: Name
    groups: Name | None = Field(None, description="the fairness service whose features name the groups")
    observations: Name = Field(description="table with a row for each observation")
    label: Label
    estimator: Boosting = Boosting()
    brought: Brought | None = None
    monotone: dict[Name, Literal[-1, 1]] = Field(default={}, description="sign of the effect on the predicted event")
    scorecard: ScorecardSpec = ScorecardSpec()
    windows: tuple[Annotated[int, Field(ge=1)], ...] = Field((12,), min_length=1, description="candidate months")
    validation: Validation = Validation()
    fairness: FairnessSpec = FairnessSpec()
    seed: int = 20_240_501

    @model_validator(mode="after")
    def _refers_to_features(self, info: ValidationInfo) -> "ModelSpec":
        features = info.context
        if isinstance(features, FeatureSpec):
            for fault in _faults(self, features):
                raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _constrains_what_can_be(self) -> "ModelSpec":
        if self.monotone and self.estimator.task_type == "GPU":
            raise ValueError(
                f"monotone: found {', '.join(sorted(self.monotone))} with task_type: GPU, where CatBoost knows no such "
                "constraints; leave out one of the two"
            )
        return self


class ModelsSpec(Document):
    """The whole of `models.yaml`."""

    models: dict[Name, ModelSpec] = Field(min_length=1)

    def services(self) -> list[str]:
        """The feature services that the models and their fairness groups read, each once."""
        named = [name for model in self.models.values() for name in (model.service, model.groups)]
        return list(dict.fromkeys(name for name in named if name))


def read_models(path: Path, features: FeatureSpec) -> ModelsSpec:
    """Parse `models.yaml` and check it against the portfolio's `features.yaml`."""
    return read_document(path, ModelsSpec, context=features)


def _faults(spec: ModelSpec, features: FeatureSpec) -> list[str]:
    faults = [
        f"{key}: {name!r} is not a {what} of features.yaml; expected one of {sorted(known)}"
        for key, name, what, known in (
            ("service", spec.service, "service", features.services),
            ("groups", spec.groups, "service", features.services),
            ("observations", spec.observations, "table", features.tables),
            ("label.table", spec.label.table, "table", features.tables),
        )
        if name is not None and name not in known
    ]
    if faults:
        return faults
    if spec.label.column not in features.tables[spec.label.table].columns:
        known = sorted(features.tables[spec.label.table].columns)
        faults.append(f"label.column: table {spec.label.table!r} has no {spec.label.column!r}; expected one of {known}")
    if spec.groups is not None and features.services[spec.groups].use != "fairness":
        faults.append(f"groups: service {spec.groups!r} has use {features.services[spec.groups].use}, not fairness")
    return faults + _unconstrainable(spec.monotone, select(features, spec.service), spec.service)


def _unconstrainable(monotone: dict[str, Literal[-1, 1]], columns: list[FeatureColumn], service: str) -> list[str]:
    dtypes = {column.name: column.dtype for column in columns}
    absent = [name for name in monotone if name not in dtypes]
    categories = [name for name in monotone if dtypes.get(name) == "category"]
    return [f"monotone: {name!r} is not a feature of service {service!r}" for name in absent] + [
        f"monotone: {name!r} is a category; only a number can be constrained" for name in categories
    ]
