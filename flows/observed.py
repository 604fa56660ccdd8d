"""Who was observed when: keys and times of a table of observations in the lake."""

from datetime import date

import polars as pl

from features.spec import EVENT
from flows.workspace import Workspace


def observations(workspace: Workspace, table: str, as_of: date) -> pl.DataFrame:
    """Key and time of every observation known at `as_of`."""
    return workspace.lake.read(workspace.name, "tables", table, as_of=as_of).select(workspace.key, EVENT)


def newest(workspace: Workspace, table: str, as_of: date) -> pl.DataFrame:
    """The observations of the last month that has any, as known at `as_of`, each entity once; in order of time."""
    rows = observations(workspace, table, as_of)
    last = rows.filter(pl.col(EVENT).dt.truncate("1mo") == pl.col(EVENT).max().dt.truncate("1mo"))
    return last.group_by(workspace.key).agg(pl.col(EVENT).max()).sort(EVENT, workspace.key)
