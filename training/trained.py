"""What training hands on: the model's bytes, the facts about it, and the held-out rows they were measured on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from features.documents import Document
from features.permitted import FeatureColumn
from training.brought.model import Origin
from training.calibration import CalibrationChoice
from training.evaluation import Evaluation
from training.fairness import Gap
from training.score import Calibration
from training.windows import WindowChoice


class GroupFairness(Document):
    """The gaps between the groups of one protected feature, at the share approved that `models.yaml` names."""

    approval_gap: Gap
    true_positive_gap: Gap
    false_positive_gap: Gap
    adverse_impact_ratio: Gap


class FittedOn(Document):
    """The rows a model was fitted on."""

    rows: int
    events: int
    first_month: str
    last_month: str


class TrainingReport(Document):
    """Every fact about one training: what a model card and a gate read."""

    name: str
    kind: Literal["risk", "propensity"]
    meaning: str
    as_of: str
    inputs: str
    """SHA-256 of rows, parameters and code: the same inputs give the same model."""
    code: str
    rows: int
    events: int
    first_month: str
    last_month: str
    window: WindowChoice
    scheme: Literal["out of time", "held-out entities"]
    """`held-out entities` only when a single labelled month leaves no later one to test on."""
    held_out_months: tuple[str, ...]
    held_out_why: str
    """Which rows were held out: whole months where there are any."""
    validated: FittedOn
    """What the validated model learned from, `model` and `scorecard` being its figures; the released model is fitted
    anew on `rows`, the held-out ones among them."""
    parameters: dict[str, str | int | float]
    calibration: CalibrationChoice
    model: Evaluation
    scorecard: Evaluation
    out_of_fold: Evaluation
    fairness: dict[str, GroupFairness]
    importance: dict[str, float]
    origin: Origin | None = None
    """Where a brought model is from, which learned nothing of these rows; None: it was trained on them here."""

    @property
    def learned(self) -> str:
        """What the released model learned from, in words."""
        return str(self.origin or _on(self))

    @property
    def validated_learned(self) -> str:
        """What the validated model learned from, in words."""
        return str(self.origin or _on(self.validated))


def _on(rows: FittedOn | TrainingReport) -> str:
    return f"{rows.first_month} to {rows.last_month}, {rows.rows} rows"


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with the evidence about it.

    `cbm` is the model to be released. `validated` is the one the out-of-time figures are of, fitted on earlier months
    only; None when those held one class, whose rate was predicted then. `brought`: the file that a brought model was
    read from, which is both. `held_out`: the rows of `report.model` and
    `report.scorecard` (key, time, label, when it became known, features, groups, `log_odds` raw, `probability`,
    `scorecard_probability`). `out_of_fold`: rows of the training window (key, time, label, groups,
    `log_odds` raw, `probability`), each scored by a model that did not see its entity. `reference`: the features of the
    training window, from which profiles are made.
    """

    columns: tuple[FeatureColumn, ...]
    cbm: bytes
    calibration: Calibration
    validated: bytes | None
    scorecard: bytes
    report: TrainingReport
    held_out: pl.DataFrame
    out_of_fold: pl.DataFrame
    reference: pl.DataFrame
    brought: bytes | None = None


HELD_OUT = "held_out"
FRAMES = (HELD_OUT, "out_of_fold", "reference")
VALIDATED = "validated.cbm"
BROUGHT = "brought"


def save_trained(trained: TrainedModel, folder: Path) -> None:
    """Write `trained` as files that `load_trained` reads; the same model gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.cbm").write_bytes(trained.cbm)
    if trained.validated is not None:
        (folder / VALIDATED).write_bytes(trained.validated)
    if trained.brought is not None:
        (folder / BROUGHT).write_bytes(trained.brought)
    (folder / "scorecard.json").write_bytes(trained.scorecard)
    (folder / "calibration.json").write_text(trained.calibration.model_dump_json(), encoding="utf-8")
    (folder / "report.json").write_text(trained.report.model_dump_json(indent=1), encoding="utf-8")
    columns = [vars(column) for column in trained.columns]
    (folder / "columns.json").write_text(json.dumps(columns, indent=1), encoding="utf-8")
    for name in FRAMES:
        getattr(trained, name).write_parquet(folder / f"{name}.parquet")


def load_trained(folder: Path) -> TrainedModel:
    """The model that `save_trained` wrote to `folder`."""
    columns = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
    return TrainedModel(
        columns=tuple(FeatureColumn(**column) for column in columns),
        cbm=(folder / "model.cbm").read_bytes(),
        calibration=Calibration.model_validate_json((folder / "calibration.json").read_bytes()),
        validated=(folder / VALIDATED).read_bytes() if (folder / VALIDATED).exists() else None,
        scorecard=(folder / "scorecard.json").read_bytes(),
        report=TrainingReport.model_validate_json((folder / "report.json").read_bytes()),
        brought=(folder / BROUGHT).read_bytes() if (folder / BROUGHT).exists() else None,
        **{name: pl.read_parquet(folder / f"{name}.parquet") for name in FRAMES},
    )
