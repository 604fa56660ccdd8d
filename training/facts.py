"""A training report as the flat parameters and metrics that a tracking server shows."""

from collections.abc import Iterator

from training.evaluation import Evaluation
from training.trained import TrainingReport

FIGURES = (
    "ks",
    "calibration_error",
    "brier",
    "log_loss",
    "calibration_slope",
    "calibration_intercept",
    "rows",
    "events",
)


def parameters(report: TrainingReport) -> dict[str, str]:
    """What the training was given and what it chose."""
    chosen = {
        "as_of": report.as_of,
        "window_months": report.window.months,
        "window_why": report.window.why,
        "first_month": report.first_month,
        "last_month": report.last_month,
        "scheme": report.scheme,
        "held_out_months": ", ".join(report.held_out_months),
        "held_out_why": report.held_out_why,
        "validated_first_month": report.validated.first_month,
        "validated_last_month": report.validated.last_month,
        "validated_rows": report.validated.rows,
        "calibration_form": report.calibration.form,
        "code_digest": report.code,
        "inputs_digest": report.inputs,
        "origin": "trained" if report.origin is None else "imported",
    }
    if report.origin is not None:
        chosen |= {f"brought_{name}": value for name, value in report.origin.model_dump(exclude={"notes"}).items()}
    return {name: str(value) for name, value in {**report.parameters, **chosen}.items()}


def metrics(report: TrainingReport) -> dict[str, float]:
    """Every figure: of the model and the scorecard out of time, of the model out of fold, of fairness."""
    found = {
        "rows": float(report.rows),
        "events": float(report.events),
        "calibration.slope": report.calibration.calibration.slope,
        "calibration.intercept": report.calibration.calibration.intercept,
    }
    for name, evaluation in (
        ("model", report.model),
        ("scorecard", report.scorecard),
        ("out_of_fold", report.out_of_fold),
    ):
        found |= {f"{name}.{figure}": value for figure, value in _figures(evaluation)}
    return found | dict(_gaps(report))


def _figures(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    yield from (("auc", evaluation.auc.value), ("auc.low", evaluation.auc.low), ("auc.high", evaluation.auc.high))
    for figure in FIGURES:
        yield figure, float(getattr(evaluation, figure))


def _gaps(report: TrainingReport) -> Iterator[tuple[str, float]]:
    for group, fairness in report.fairness.items():
        for name in ("approval_gap", "true_positive_gap", "false_positive_gap", "adverse_impact_ratio"):
            gap = getattr(fairness, name)
            for part, value in (("", gap.value), (".low", gap.low), (".high", gap.high)):
                if value is not None:
                    yield f"fairness.{group}.{name}{part}", float(value)
