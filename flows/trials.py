"""The trials of a portfolio as the flows read them: what stands in the shadow, and what the service stopped itself."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime

import polars as pl

from flows.served import open_served
from flows.workspace import Workspace
from monitoring.alerts import Verdict
from monitoring.metric import Metric
from monitoring.month import MonthInputs
from monitoring.trial import TrialFacts
from monitoring.trial_month import tried_month
from serving.log.record import PLATFORM
from serving.trial.frames import read_shadow
from serving.trial.rows import open_shadow
from training.registry import TrialStep


def shadow_of(workspace: Workspace, since: datetime, until: datetime) -> pl.DataFrame:
    """What would have been decided beside the decisions in [since, until)."""
    with closing(open_shadow(workspace.settings.decision_log_url)) as rows:
        return read_shadow(rows, workspace.name, since, until)


def month_of_trial(
    workspace: Workspace, month: MonthInputs, shadow: pl.DataFrame
) -> tuple[TrialFacts, list[Metric]] | None:
    """The facts of a month's trial and the challenger's rows; None: none was tried."""
    tried = tried_month(month, shadow)
    if tried is None:
        return None
    first = month.as_of.replace(day=1)
    stops = [f"{step.until[:10]}: {step.why}" for step in stops_between(workspace, first, month.as_of)]
    facts = tried.facts(month, tuple(stops))
    challenger = open_served(workspace, facts.challenger)
    if month.model not in challenger.release.models:
        return facts, []  # it has a model of another name: its own figures would be of something else
    _, score_profile = challenger.profiles(month.model)
    return facts, tried.rows(month, facts, challenger.runs.get(month.model, "unknown"), score_profile)


def stops_between(workspace: Workspace, first: date, last: date) -> Iterator[TrialStep]:
    """The canaries that the service stopped itself for what was decided from `first` to `last`, both included."""
    for step in workspace.registry.trials.steps(workspace.name):
        if step.action == "stop" and step.by == PLATFORM and first.isoformat() <= step.until[:10] <= last.isoformat():
            yield step


def stops_of_day(workspace: Workspace, as_of: date) -> Verdict | None:
    """An alert for each canary that the service stopped itself on the day; None: it stopped none."""
    rows = [_alert(workspace, step, as_of) for step in stops_between(workspace, as_of, as_of)]
    if not rows:
        return None
    workspace.metrics.write(rows)
    return Verdict(workspace.name, as_of, "orange", tuple(rows), workspace.monitoring.told_of("orange"))


def _alert(workspace: Workspace, step: TrialStep, as_of: date) -> Metric:
    limit, _, figures = step.why.partition(": ")
    return Metric(
        portfolio=workspace.name,
        as_of=as_of,
        period="day",
        model=workspace.policy.models[0],
        role="challenger",
        name="canary_stopped",
        segment=limit,
        release=step.sha,
        value=1.0,
        low=1.0,
        high=1.0,
        n=1,
        level="orange",
        note=figures,
    )
