"""One month's monitoring: frames and values in; metric rows, a verdict and the facts of the report out."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import polars as pl

from features.profiles import Profile
from monitoring import fairness, reference
from monitoring.alerts import Verdict, judge, verdict
from monitoring.facts import Bins, MonthFacts
from monitoring.fairness import selection_gaps
from monitoring.indicators import inputs, volumes
from monitoring.measure import Measure, Subject
from monitoring.metric import Metric, Role, from_frame, worst
from monitoring.outcomes import decided_in_month, matured_in_month, outcomes, vintages
from monitoring.performance import performance, reliability
from monitoring.reference import compare, drifts
from monitoring.silence import rows_to_usual
from monitoring.spec import MonitoringSpec
from training.spec import FairnessSpec

PROBABILITY = "probability"
OF_LABELS = ("auc", "ks", "calibration_error", "observed_rate", "observed_to_predicted", "matured_share")
OF_POPULATION = ("feature_psi", "missing_share", "missing_rise", "feature_age")
OVER_TIME = (
    *OF_LABELS,
    "predicted_rate",
    "score_psi",
    "selection_gap",
    "outcome_share",
    "stale_share",
    "decisions",
    "feature_psi",
)
NO_DECISIONS = "no decision was made this month"
NO_USUAL = "the months before do not tell how many rows are usual"
NO_LABELS = "no label of a decision became known this month"


@dataclass(frozen=True)
class MonthInputs:
    """All that a month's monitoring needs to know; `as_of` is any day of the month, its last one as a rule."""

    portfolio: str
    model: str
    kind: Literal["risk", "propensity"]
    as_of: date
    key: str
    release: str
    run: str
    spec: MonitoringSpec
    fairness: FairnessSpec
    profile: Profile
    """The release's reference of every feature of the model."""
    score_profile: Profile
    """The release's reference of `probability`; further columns are passed over."""
    decisions: pl.DataFrame
    """As `read_decisions` gives them, back to the oldest whose labels mature this month; more does no harm."""
    observations: pl.DataFrame
    """Key and event_timestamp of every observation known at `as_of`, labelled or not."""
    labels: pl.DataFrame
    """As `training.labels.labels` gives them; an empty frame of its columns when none is known."""
    groups: pl.DataFrame
    """Key and the protected columns, one row an entity."""
    population: pl.DataFrame
    """Feature rows of the month: event_timestamp and every feature of the model."""
    history: pl.DataFrame
    """`MetricStore.history(portfolio, as_of)`."""
    arrived: pl.DataFrame
    """Event_timestamp and created_timestamp of every row of the table of observations known at `as_of`."""
    role: Role = "champion"


@dataclass(frozen=True)
class Month:
    """What a month's monitoring found."""

    rows: list[Metric]
    verdict: Verdict
    facts: MonthFacts


def monthly(month: MonthInputs) -> Month:
    """Measure, judge and gather the facts of one month."""
    made = decided_in_month(month.decisions, month.as_of)
    known = outcomes(month.decisions, month.observations, month.labels, key=month.key, as_of=month.as_of)
    matured = matured_in_month(known, month.as_of)
    features = compare(month.profile, month.profile.columns, month.population)
    score = compare(month.score_profile, [PROBABILITY], made)
    measured = [
        *drifts("score_psi", (("", one.psi) for one in score.values() if one.psi)),
        *reference.measures(features),
        *volumes(made, kind=month.kind),
        *rows_to_usual(month.arrived, month.as_of),
        *inputs(month.population, list(features), as_of=month.as_of),
        *fairness.measures(selection_gaps(made, month.groups, key=month.key, kind=month.kind, spec=month.fairness)),
        *(_released(found, matured) for found in performance(matured, month.decisions)),
    ]
    subject = Subject(month.portfolio, month.model, month.as_of, "month", month.role, month.release)
    rows = judge((subject.metric(found) for found in measured if found.finite), month.spec, month.history)
    bins = {name: one.bins for name, one in features.items()}
    facts = _facts(month, rows, bins, next((one.bins for one in score.values()), None), matured)
    return Month(rows, verdict(month.portfolio, month.as_of, rows, month.spec), facts)


def _facts(
    month: MonthInputs, rows: list[Metric], features: dict[str, Bins], score: Bins | None, matured: pl.DataFrame
) -> MonthFacts:
    level = worst(row.level for row in rows)
    return MonthFacts(
        portfolio=month.portfolio,
        model=month.model,
        kind=month.kind,
        role=month.role,
        as_of=month.as_of,
        release=month.release,
        run=month.run,
        level=level,
        told=month.spec.told_of(level) if month.role == "champion" else (),
        metrics=tuple(rows),
        history=_own_history(month),
        watch=month.spec.watches,
        absent=_absent(month, rows, score is None, matured),
        features=features,
        score=score,
        vintages=tuple(vintages(matured)),
        calibration=reliability(matured),
    )


def _released(found: Measure, matured: pl.DataFrame) -> Measure:
    """A figure of matured decisions belongs to the release that made them; of several, to the one that made most."""
    made = matured["release"].value_counts().sort("count", "release", descending=[True, False])
    others = ", ".join(f"{name[:8]} ({n:,})" for name, n in made[1:].iter_rows())
    return replace(found, release=made["release"][0], note=f"also release {others}" if others else found.note)


def _own_history(month: MonthInputs) -> tuple[Metric, ...]:
    """The model's and role's own months, without the many rows that a report does not draw over time.

    What is watched is drawn by its levels: a month that was measured must not look as if it had not been.
    """
    names = {*OVER_TIME, *(watch.metric for watch in month.spec.watches if watch.period == "month")}
    own = month.history.filter(
        pl.col("model") == month.model, pl.col("role") == month.role, pl.col("name").is_in(names)
    )
    return tuple(from_frame(own))


def _absent(month: MonthInputs, rows: list[Metric], no_decisions: bool, matured: pl.DataFrame) -> dict[str, str]:
    """Why a watched metric has no row this month."""
    reasons = {
        watch.name: _reason(watch.metric, month, no_decisions, matured)
        for watch in month.spec.watches
        if watch.period == "month" and not any(watch.watches(row.name, row.segment, "month") for row in rows)
    }
    if no_decisions:
        reasons.setdefault("score_psi", NO_DECISIONS)
    if matured.is_empty():
        reasons.setdefault("calibration_error", NO_LABELS)
    return reasons


def _reason(name: str, month: MonthInputs, no_decisions: bool, matured: pl.DataFrame) -> str:
    if name in OF_POPULATION and month.population.is_empty():
        return "no feature rows this month"
    if name == "rows_to_usual":
        return NO_USUAL
    if name in OF_LABELS:
        return NO_LABELS if matured.is_empty() else f"all {len(matured):,} matured decisions have the same label"
    if no_decisions:
        return NO_DECISIONS
    if name.startswith("selection") and month.groups.columns == [month.key]:
        return "no groups are named in models.yaml"
    return "fewer than two groups are large enough" if name == "selection_gap" else "no such segment this month"
