"""The examination of a candidate release: its trained models, the champion and the gates brought together."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from serving.decide import frame_rows
from serving.gates import (
    GateName,
    GateResult,
    Promotion,
    approval_gap,
    calibrated,
    decide_promotion,
    gates_for,
    not_worse,
    permitted,
    reproducible,
)
from serving.policy import PropensityPolicy, RiskPolicy
from serving.release import LoadedRelease, changed_components
from serving.scoring import LoadedModel, Scored, check_inputs
from training.boosted import load_boosted
from training.fairness import Gap
from training.fairness import approval_gap as gap_between
from training.groups import group_values
from training.labels import LABEL
from training.score import Floats, log_odds
from training.spec import ModelSpec
from training.trained import TrainedModel

SAMPLE = 2_000
"""Rows on which a release must reproduce training's log-odds."""


@dataclass(frozen=True)
class Examined:
    """A model of the candidate: how it was specified and trained, its inputs' permission, and its protected groups."""

    spec: ModelSpec
    trained: TrainedModel
    permitted: Collection[str]
    groups: Collection[str]


def examine(candidate: LoadedRelease, champion: LoadedRelease | None, models: Mapping[str, Examined]) -> Promotion:
    """Run the gates of the components that changed since the champion; all of them when there is none."""
    changed = changed_components(champion.manifest if champion else None, candidate.manifest)
    due = gates_for(changed, list(models))
    return decide_promotion(
        result for name, model in models.items() for result in _examine(name, model, candidate, champion, due[name])
    )


def favourable(section: RiskPolicy | PropensityPolicy, probability: Floats) -> NDArray[np.bool_]:
    """Whom the policy's cut-off alone approves or contacts."""
    if isinstance(section, RiskPolicy):
        return np.asarray(section.scale.unclipped(log_odds(probability)) >= section.review_below)
    return probability >= section.contact_from


def _examine(
    name: str,
    model: Examined,
    candidate: LoadedRelease,
    champion: LoadedRelease | None,
    due: Collection[GateName],
) -> Iterator[GateResult]:
    limits = candidate.policy.section(name).gates
    held_out = model.trained.held_out
    labels, predicted = held_out[LABEL].to_numpy(), held_out["probability"].to_numpy()
    before = _champions(champion.models.get(name) if champion else None, held_out)
    if "reproducible" in due:
        yield _reproduced(name, model, candidate)
    if "permitted" in due:
        inputs = [column.name for column in candidate.models[name].columns]
        yield permitted(name, inputs, model.permitted)
    if "not_worse" in due:
        yield not_worse(name, limits, labels, predicted, before)
    if "calibrated" in due:
        yield calibrated(name, limits, labels, predicted, before)
    if "approval_gap" in due:
        yield from approval_gap(name, limits, _gaps(candidate.policy.section(name), model))


def _score(model: LoadedModel, frame: pl.DataFrame) -> Scored:
    rows = frame_rows(frame, model.columns)
    return model.score(check_inputs(model.columns, rows.values, rows.rows).inputs)


def _champions(model: LoadedModel | None, frame: pl.DataFrame) -> Floats | None:
    """What the champion predicts for the candidate's rows; None when it reads a feature that there is no longer."""
    if model is None or not {column.name for column in model.columns} <= set(frame.columns):
        return None
    return _score(model, frame).probability


def _reproduced(name: str, model: Examined, candidate: LoadedRelease) -> GateResult:
    sample = model.trained.reference.head(SAMPLE)
    trained = load_boosted(model.trained.cbm, model.trained.columns).log_odds(sample)
    expected = model.trained.calibration.log_odds(trained)
    found = _score(candidate.models[name], sample).log_odds
    return reproducible(name, candidate.policy.section(name).gates, np.asarray(expected), found)


def _gaps(section: RiskPolicy | PropensityPolicy, model: Examined) -> dict[str, Gap]:
    rows, fairness = model.trained.out_of_fold, model.spec.fairness
    probability = rows["probability"].to_numpy()
    approved = favourable(section, probability)
    return {
        group: gap_between(approved, groups=group_values(rows[group], fairness), smallest=fairness.smallest_group)
        for group in model.groups
    }
