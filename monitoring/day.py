"""One day's monitoring: volumes, outcomes and staleness of the day's decisions."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from monitoring.alerts import Verdict, judge, verdict
from monitoring.indicators import volumes
from monitoring.measure import Subject
from monitoring.metric import Metric
from monitoring.outcomes import decided_on
from monitoring.silence import to_usual
from monitoring.spec import MonitoringSpec


@dataclass(frozen=True)
class Day:
    """What a day's monitoring found."""

    rows: list[Metric]
    verdict: Verdict


def daily(
    *,
    portfolio: str,
    model: str,
    kind: Literal["risk", "propensity"],
    as_of: date,
    release: str,
    decisions: pl.DataFrame,
    spec: MonitoringSpec,
    history: pl.DataFrame,
) -> Day:
    """Rows and verdict of the day; `decisions` as `read_decisions` gives them, those of other days say what is usual.

    `history` is `MetricStore.history(portfolio, as_of, period="day")`. A day without decisions has one row, 0.
    """
    subject = Subject(portfolio, model, as_of, "day", "champion", release)
    measured = [*volumes(decided_on(decisions, as_of), kind=kind), *to_usual(decisions, as_of)]
    rows = judge((subject.metric(found) for found in measured if found.finite), spec, history)
    return Day(rows, verdict(portfolio, as_of, rows, spec))
