"""What a trained model brings to a release: its parts, and the reference profile drift is measured against."""

import polars as pl

from features.permitted import FeatureColumn
from features.profiles import Profile, make_profile
from serving.policy import Policy, PropensityPolicy
from serving.release import ModelParts
from training.score import log_odds
from training.trained import TrainedModel

PROBABILITY = "probability"
SCORE = "score"


def model_parts(model: TrainedModel, policy: Policy) -> ModelParts:
    """The parts of one trained model."""
    report = model.report
    return ModelParts(
        kind=report.kind,
        label=report.meaning,
        cbm=model.cbm,
        calibration=model.calibration,
        columns=model.columns,
        profile=reference_profile(model, policy),
    )


def reference_profile(model: TrainedModel, policy: Policy) -> Profile:
    """Inputs over the training window; probability and score as models saw rows they had not learned from.

    A model is surer of rows it has learned, so a reference of its own predictions on them would show drift at once.
    """
    section = policy.section(model.report.name)
    unseen = model.out_of_fold.select(PROBABILITY)
    outputs = [FeatureColumn(PROBABILITY, "outputs", "float", 1)]
    if not isinstance(section, PropensityPolicy):
        score = section.scale.score(log_odds(unseen[PROBABILITY].to_numpy()))
        unseen = unseen.with_columns(pl.Series(SCORE, score))
        outputs.append(FeatureColumn(SCORE, "outputs", "float", 1))
    inputs = make_profile(model.reference, model.columns)
    return inputs.joined(make_profile(unseen, outputs))
