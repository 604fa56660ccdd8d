"""Titles, numbers and levels as a person reads them."""

from datetime import date

from monitoring.metric import Level, Metric
from monitoring.spec import Watch

COLOURS: dict[Level, str] = {"ok": "#4c9f70", "yellow": "#f2c230", "orange": "#ef7d22", "red": "#c62f2f"}
UNKNOWN = "#e3e6ea"
NBSP = "\u00a0"

TITLES = {
    "decisions": "Decisions",
    "decisions_to_usual": "Decisions / usual for the weekday",
    "rows_to_usual": "Rows of the month / usual",
    "outcome_share": "Share of outcomes",
    "stale_share": "Decisions on stale features",
    "feature_age": "Median age of features",
    "missing_share": "Missing values",
    "missing_rise": "Rise of missing values",
    "feature_psi": "Feature drift (PSI)",
    "score_psi": "Score drift (PSI)",
    "mean_probability": "Mean predicted probability",
    "matured_share": "Decisions with a known label",
    "auc": "AUC",
    "ks": "KS",
    "calibration_error": "Calibration error",
    "observed_rate": "Observed rate",
    "predicted_rate": "Predicted rate",
    "observed_to_predicted": "Observed / predicted",
    "selection_rate": "Selection rate",
    "selection_gap": "Selection gap",
    "review_approval_rate": "Approved by people, of reviews that ended",
}
SELECTION = {"risk": "approval", "propensity": "contact"}
EVENT = {"risk": "default", "propensity": "conversion"}
_SHARES = ("_share", "_rate", "_gap", "_error", "_rise", "probability")


def title(name: str, kind: str) -> str:
    """The metric's title in the words of the model's kind."""
    words = TITLES[name].replace("Selection", SELECTION[kind].capitalize())
    return words.replace("Observed rate", f"Observed {EVENT[kind]} rate")


def level_of(row: Metric) -> str:
    """The row's alert level, or that there were too few rows to judge it."""
    return row.level if row.judged else "too few rows"


def is_share(name: str) -> bool:
    """Whether the metric is shown in per cent."""
    return name.endswith(_SHARES)


def shown(name: str, value: float) -> str:
    """The value with the digits that matter for the metric; its parts stay on one line."""
    if name == "decisions":
        return f"{value:,.0f}"
    if name == "feature_age":
        return f"{value:.1f}{NBSP}days"
    if name in ("observed_to_predicted", "decisions_to_usual", "rows_to_usual"):
        return f"{value:.2f}"
    return f"{100 * value:.1f}{NBSP}%" if is_share(name) else f"{value:.3f}".replace("-0.000", "0.000")


def with_interval(row: Metric) -> str:
    """The value and, where it has one, its 95 % interval."""
    value = shown(row.name, row.value)
    if row.low == row.high:
        return value
    return f"{value} ({shown(row.name, row.low)} to {shown(row.name, row.high)})".replace(" to ", f"{NBSP}to{NBSP}")


def thresholds(watch: Watch) -> str:
    """The thresholds of the three levels in words, and after how long a lasting alert is raised."""
    sign = {"above": "≥", "below": "≤", "outside": "beyond ×"}[watch.side]
    what = "interval" if watch.evidence == "interval" else "value"
    given = (("yellow", watch.yellow), ("orange", watch.orange), ("red", watch.red))
    values = ", ".join(f"{level} {_plain(watch.metric, value)}" for level, value in given if value is not None)
    lasting = (("orange", watch.persistence.orange), ("red", watch.persistence.red))
    also = "".join(f"; {level} after {run} {watch.period}s" for level, run in lasting if run is not None)
    return f"{what} {sign} {values}{also}"


def _plain(name: str, value: float) -> str:
    return f"{100 * value:g}{NBSP}%" if is_share(name) else f"{value:g}"


def month(day: date) -> str:
    """The month as May 2010."""
    return f"{day:%B %Y}"


def short(release: str) -> str:
    """The first characters of a release's name, enough to find it."""
    return release[:12]
