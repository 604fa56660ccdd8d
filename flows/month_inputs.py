"""What a month's monitoring is given, gathered from the lake, the feature store and the release that served."""

from datetime import UTC, date, datetime, time

import polars as pl

from features.calendar import month_start
from features.permitted import select
from features.spec import CREATED, EVENT
from flows.observed import observations
from flows.served import Served
from flows.workspace import Workspace
from monitoring.month import MonthInputs
from training.labels import KNOWN, LABEL, LabelError, labels
from training.spec import ModelSpec


def month_inputs(workspace: Workspace, served: Served, name: str, decisions: pl.DataFrame, as_of: date) -> MonthInputs:
    """All that a month's monitoring of one model needs to know."""
    spec = workspace.models.models[name]
    seen = observations(workspace, spec.observations, as_of)
    population = _population(workspace, spec, seen, as_of)
    features, outputs = served.profiles(name)
    return MonthInputs(
        portfolio=workspace.name,
        model=name,
        kind=spec.kind,
        as_of=as_of,
        key=workspace.key,
        release=served.release.sha,
        run=served.runs[name],
        spec=workspace.monitoring,
        fairness=spec.fairness,
        profile=features,
        score_profile=outputs,
        decisions=decisions.filter(pl.col("model") == name),
        observations=seen,
        labels=known_labels(workspace, spec, as_of),
        groups=groups(workspace, spec, seen, as_of),
        population=population,
        arrived=workspace.lake.read(workspace.name, "tables", spec.observations, as_of=as_of, columns=[EVENT, CREATED]),
        history=workspace.metrics.history(workspace.name, as_of),
    )


def known_labels(workspace: Workspace, spec: ModelSpec, as_of: date) -> pl.DataFrame:
    """The labels known at `as_of`; none yet is an empty frame, since a month without labels is still watched."""
    tables = {
        table: workspace.lake.read(workspace.name, "tables", table, as_of=as_of)
        for table in {spec.observations, spec.label.table}
    }
    try:
        return labels(spec, tables, workspace.key, as_of)
    except LabelError:
        key = tables[spec.observations].select(workspace.key, EVENT).clear()
        return key.with_columns(pl.lit(None, pl.Int8).alias(LABEL), pl.col(EVENT).alias(KNOWN))


def _population(workspace: Workspace, spec: ModelSpec, seen: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The features of the month's observations, as the model would have read them."""
    start = datetime.combine(month_start(as_of), time(), UTC)
    month = seen.filter(pl.col(EVENT) >= start)
    if month.is_empty():
        columns = select(workspace.portfolio.features, spec.service)
        types = {column.name: pl.Float64 if column.dtype == "float" else pl.String for column in columns}
        return month.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in types.items())
    return workspace.store.training_set(month, [spec.service], known_by=as_of)


def groups(workspace: Workspace, spec: ModelSpec, seen: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The protected columns of each entity, as known last."""
    if spec.groups is None:
        return seen.select(workspace.key).unique()
    latest = seen.group_by(workspace.key).agg(pl.col(EVENT).max()).sort(workspace.key)
    names = [column.name for column in select(workspace.portfolio.features, spec.groups)]
    return workspace.store.training_set(latest, [spec.groups], known_by=as_of).select(workspace.key, *names)
