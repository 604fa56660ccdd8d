"""When labels can be known: the close of a performance window, and the months whose labels are all in."""

from datetime import date

import numpy as np
import polars as pl

from features.calendar import cutoff
from features.spec import EVENT
from training.spec import Label, Within

KNOWN = "known_timestamp"
WHOLE = "whole_month"
"""Whether the observation's month is over and no label of it is still to come."""

ARRIVED = 0.99
"""Share of the labels whose delay counts as usual; a label that came years late does not hold a month open."""


def closes(label: Within) -> pl.Expr:
    """The last day of the performance window of an observation."""
    return pl.col(EVENT).dt.truncate("1mo").dt.offset_by(f"{label.months + 1}mo").dt.offset_by("-1d")


def whole_months(label: Label, observations: pl.DataFrame, matured: pl.DataFrame, as_of: date) -> pl.Series:
    """The first days of the months that are over at `as_of` and wait for no label.

    An observation without a label is waited for until its window has closed; for a recorded outcome, until it is as
    old as outcomes are when they usually come. After that it will have none: its customer has left, say.
    """
    key = matured.columns[0]
    month = pl.col(EVENT).dt.truncate("1mo")
    unlabelled = observations.join(matured, on=[key, EVENT], how="anti")
    due = closes(label) if isinstance(label, Within) else pl.col(EVENT) + _usual_delay(matured)
    waiting = unlabelled.filter(due >= cutoff(as_of)).select(month).to_series().unique()
    months = observations.select(month).unique()
    over = months.filter(pl.col(EVENT).dt.offset_by("1mo") <= cutoff(as_of)).to_series()
    return over.filter(~over.is_in(waiting.implode())).sort()


def _usual_delay(matured: pl.DataFrame) -> pl.Expr:
    microseconds = (matured[KNOWN] - matured[EVENT]).dt.total_microseconds().to_numpy()
    usual = int(np.quantile(microseconds, ARRIVED, method="higher"))
    return pl.duration(microseconds=usual)
