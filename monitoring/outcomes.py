"""What became of the decisions: each joined to its own label, and only to one that was known in time."""

from datetime import UTC, date, datetime, time

import polars as pl

from features.calendar import cutoff, month_start
from features.spec import EVENT
from training.labels import KNOWN, LABEL

DECIDED = "decided_at"
ENTITY = "entity_id"


def outcomes(
    decisions: pl.DataFrame, observations: pl.DataFrame, labels: pl.DataFrame, *, key: str, as_of: date
) -> pl.DataFrame:
    """The decisions whose label is known at `as_of`, with `label` and `known_timestamp`.

    A decision's observation is the entity's latest not after `decided_at`, whether its label is known or not: an
    older observation's label would tell of a time before the decision. Nor is a label that was known on an earlier
    day than the decision an outcome of it.
    """
    observed = _observed(decisions, observations, key)
    known = labels.filter(pl.col(KNOWN) < cutoff(as_of)).select(
        pl.col(key).cast(pl.String).alias(ENTITY), pl.col(EVENT), pl.col(LABEL), pl.col(KNOWN)
    )
    joined = observed.join(known, on=[ENTITY, EVENT], how="inner", maintain_order="left")
    return joined.filter(
        pl.col(DECIDED) < cutoff(as_of),
        pl.col(KNOWN).dt.date() >= pl.col(DECIDED).dt.date(),
        pl.col(LABEL).is_not_null(),
    )


def matured_in_month(found: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The decisions whose label became known in the month of `as_of`: each is counted in one month only."""
    return found.filter(pl.col(KNOWN) >= _midnight(month_start(as_of)), pl.col(KNOWN) < cutoff(as_of))


def decided_in_month(decisions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The decisions made in the month of `as_of`, up to that day."""
    return decisions.filter(pl.col(DECIDED) >= _midnight(month_start(as_of)), pl.col(DECIDED) < cutoff(as_of))


def decided_on(decisions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The decisions made on the day `as_of`."""
    return decisions.filter(pl.col(DECIDED) >= _midnight(as_of), pl.col(DECIDED) < cutoff(as_of))


def vintages(found: pl.DataFrame) -> list[str]:
    """The months, as YYYY-MM, in which the decisions were made."""
    return found.select(pl.col(DECIDED).dt.strftime("%Y-%m")).to_series().unique().sort().to_list()


def _observed(decisions: pl.DataFrame, observations: pl.DataFrame, key: str) -> pl.DataFrame:
    """The decisions with the `event_timestamp` of their observation; those without one are left out."""
    times = observations.select(pl.col(key).cast(pl.String).alias(ENTITY), pl.col(EVENT)).unique().sort(EVENT)
    ordered = decisions.sort(DECIDED, maintain_order=True)
    joined = ordered.join_asof(
        times, left_on=DECIDED, right_on=EVENT, by=ENTITY, strategy="backward", coalesce=False, check_sortedness=False
    )
    return joined.filter(pl.col(EVENT).is_not_null())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
