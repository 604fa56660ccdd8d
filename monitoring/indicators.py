"""Volumes and the state of the inputs: decisions, outcomes, stale, missing and aged features."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import polars as pl

from features.calendar import cutoff
from features.spec import EVENT
from monitoring.measure import Measure, exact, number, rate
from serving.log.frames import FINAL
from training.evaluation import NORMAL_95

OUTCOMES = {"risk": ("approve", "review", "decline"), "propensity": ("contact", "skip")}


def volumes(decisions: pl.DataFrame, *, kind: str) -> list[Measure]:
    """How many decisions, which outcomes, how many on stale features, and the mean probability.

    `review_approval_rate`: of the reviews among them that have ended, how many people approved.
    """
    n = len(decisions)
    found = [exact("decisions", "", float(n), n)]
    if n == 0:
        return found
    made = dict(decisions["outcome"].value_counts().iter_rows())
    found += [rate("outcome_share", outcome, made.get(outcome, 0), n) for outcome in OUTCOMES[kind]]
    if FINAL in decisions.columns:
        # What a machine decided and its applicant refused is left out: nothing there tells an end from none.
        ended = decisions.filter(pl.col("outcome") == "review", pl.col(FINAL) != "review")
        if len(ended):
            approved = int((ended[FINAL] == "approve").sum())
            found.append(rate("review_approval_rate", "", approved, len(ended)))
    found.append(rate("stale_share", "", int(decisions["stale"].sum()), n))
    found.append(_mean("mean_probability", decisions["probability"]))
    return found


def inputs(population: pl.DataFrame, features: Sequence[str], *, as_of: date) -> list[Measure]:
    """The share of missing values of each feature and the median age, in days, of the rows."""
    return list(_inputs(population, features, as_of)) if len(population) else []


def _inputs(population: pl.DataFrame, features: Sequence[str], as_of: date) -> Iterator[Measure]:
    n = len(population)
    for name in features:
        yield rate("missing_share", name, population[name].null_count(), n)
    if EVENT in population.columns:
        ages = population.select((pl.lit(cutoff(as_of)) - pl.col(EVENT)) / timedelta(days=1)).to_series()
        yield exact("feature_age", "", number(ages.median()), n)


def _mean(name: str, values: pl.Series) -> Measure:
    known = values.drop_nulls()
    mean, spread = number(known.mean()), number(known.std())
    half = NORMAL_95 * spread / max(len(known), 1) ** 0.5 if len(known) > 1 else 0.0
    return Measure(name, "", mean, mean - half, mean + half, len(known))
