"""The gates a candidate passes before its model may decide."""

from typing import Literal

from pydantic import Field

from features.documents import Document


class Gates(Document):
    """What a candidate must keep to before its model may decide."""

    largest_auc_loss: float = Field(ge=0, lt=0.5, description="AUC it may lose to the champion, same out-of-time rows")
    largest_calibration_error: float = Field(gt=0, lt=1, description="expected calibration error out of time")
    calibration: Literal["block", "warn"] = Field("block", description="what a larger calibration error does")
    scorecard: Literal["block", "warn"] = Field("warn", description="what not beating the scorecard out of time does")
    approval_gap_points: float = Field(5, gt=0, le=100, description="gap between groups from which to warn; no block")
    score_tolerance: float = Field(1e-6, gt=0, description="how far a reloaded model's log-odds may be from training's")
