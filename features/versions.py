"""Versions of rows: a row may come late or be corrected, and what was known at a time must stay readable.

A version of a feature row is known from the time the last row it is made of became known. With rows in order each
feature row has one version. A late or corrected row gives the rows it touches a new version: same event, later created.
"""

from collections.abc import Iterator

import polars as pl

from features.spec import CREATED, EVENT
from features.transforms.registry import Reach

_BEFORE, _PLACE = "__before", "__place"


def latest(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """The last known version of every (entity, event), sorted by event and entity."""
    ordered = frame.sort(EVENT, key, CREATED, maintain_order=True)
    return ordered.unique([key, EVENT], keep="last", maintain_order=True)


def made_known(rows: pl.DataFrame, key: str, reach: Reach) -> pl.DataFrame:
    """`rows` with `created_timestamp` raised to the latest of all rows that each may depend on.

    `rows` hold one version of each (entity, event), sorted by event.
    """
    if reach == "row":
        return rows
    if reach == "entity":
        return rows.with_columns(pl.col(CREATED).cum_max().over(key, order_by=EVENT))
    # Rows of the same instant do not count for each other: each has what came before, and itself.
    instants = rows.group_by(EVENT, maintain_order=True).agg(pl.col(CREATED).max().alias("before"))
    instants = instants.with_columns(pl.col("before").cum_max().shift(1))
    joined = rows.join(instants, on=EVENT, how="left", maintain_order="left")
    return joined.with_columns(pl.max_horizontal(CREATED, "before").alias(CREATED)).drop("before")


def snapshots(frame: pl.DataFrame, key: str, reach: Reach) -> Iterator[pl.DataFrame]:
    """What was known just before each late row came, and at the end; feature rows of these are all the versions.

    Each entity is in as many as it has late times of its own, however many others have.
    """
    late, groups = _late(frame, key, reach), _groups(key, reach)
    known = _by_group(frame, late, groups) if groups else _by_time(frame, late)
    for rows in known:
        yield latest(rows, key)
    yield latest(frame, key)


def _by_time(frame: pl.DataFrame, late: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """What was known just before each time at which any row came late."""
    for time in late[CREATED].unique().sort():
        yield frame.filter(pl.col(CREATED) < time)


def _by_group(frame: pl.DataFrame, late: pl.DataFrame, groups: list[str]) -> Iterator[pl.DataFrame]:
    """What was known of each group before its own first late time, then before its second, and so on."""
    times = late.select(*groups, pl.col(CREATED).alias(_BEFORE)).unique().sort(_BEFORE)
    times = times.with_columns(pl.int_range(pl.len()).over(groups).alias(_PLACE)).sort(_PLACE, maintain_order=True)
    for before in times.partition_by(_PLACE, maintain_order=True):
        # Who has a next late time has this one too: what is left to look at gets ever smaller.
        frame = frame.join(before.select(groups), on=groups, how="semi", maintain_order="left")
        timed = frame.join(before.drop(_PLACE), on=groups, maintain_order="left")
        yield timed.filter(pl.col(CREATED) < pl.col(_BEFORE)).drop(_BEFORE)


def _groups(key: str, reach: Reach) -> list[str]:
    """The columns that name the rows which may depend on each other; none: all rows may."""
    return {"row": [key, EVENT], "entity": [key], "table": []}[reach]


def _late(frame: pl.DataFrame, key: str, reach: Reach) -> pl.DataFrame:
    """Rows that came after a row they have a part in was known: one of the same or a later event."""
    ordered = frame.sort([EVENT, CREATED], descending=[False, True], maintain_order=True)
    first_after = pl.col(CREATED).cum_min(reverse=True)
    groups = _groups(key, reach)
    return ordered.filter(pl.col(CREATED) > (first_after.over(groups) if groups else first_after))
