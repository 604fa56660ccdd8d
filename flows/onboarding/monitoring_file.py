"""`monitoring.yaml` of a plan: the usual watches of credit practice."""

from typing import Any

from flows.onboarding.plan import Plan
from flows.onboarding.yaml_text import Inline, InlineMap, dump

# Thresholds of a portfolio nobody has watched yet: only what is surely broken is red, since red pauses approval.
WATCHES: tuple[dict[str, Any], ...] = (
    {"metric": "feature_psi", "side": "above", "evidence": "interval", "yellow": 0.10, "orange": 0.25, "minimum": 100},
    {"metric": "missing_share", "side": "above", "yellow": 0.60, "orange": 0.90, "minimum": 100},
    # A month without any rows; the last one of a file may have no more than a day of them.
    {"metric": "rows_to_usual", "side": "below", "yellow": 0, "orange": 0, "minimum": 30},
    {"metric": "stale_share", "side": "above", "yellow": 0.05, "orange": 0.20, "red": 0.50, "minimum": 30},
    {
        "metric": "decisions_to_usual",
        "period": "day",
        "side": "below",
        "evidence": "interval",
        "yellow": 0.50,
        "orange": 0.25,
        "minimum": 5,
    },
    {"metric": "score_psi", "side": "above", "evidence": "interval", "yellow": 0.10, "orange": 0.25, "minimum": 100},
    {
        "metric": "auc",
        "side": "below",
        "evidence": "interval",
        "yellow": 0.60,
        "orange": 0.55,
        "red": 0.50,
        "minimum": 100,
    },
    {
        "metric": "observed_to_predicted",
        "side": "outside",
        "evidence": "interval",
        "yellow": 1.25,
        "orange": 1.50,
        "minimum": 100,
    },
    {"metric": "calibration_error", "side": "above", "yellow": 0.10, "orange": 0.20, "minimum": 300},
)
GAP: dict[str, Any] = {
    "metric": "selection_gap", "side": "above", "evidence": "interval", "yellow": 0.10, "orange": 0.20, "minimum": 200
}  # fmt: skip


def monitoring_text(plan: Plan) -> str:
    """The text of `monitoring.yaml`."""
    watches = [InlineMap(watch) for watch in (*WATCHES, *((GAP,) if plan.groups else ()))]
    parts: dict[str, tuple[str, Any]] = {
        "watch": (
            "Yellow: look. Orange: act. Red: automatic approval pauses until a person lifts it.\n"
            "Usual thresholds of credit practice; set your own after some months. `rows_to_usual` is 0 in a\n"
            "month without rows of the table that is scored; that is told only where months before had some.",
            watches,
        )
    }
    parts["told"] = ("Who is told.", {level: Inline(["model-owner"]) for level in ("yellow", "orange", "red")})
    return dump(parts)
