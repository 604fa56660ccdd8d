"""Faults of records: drawn row by row from the row's own id, so that they do not depend on how rows are gathered."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulation.calendar import DAY_US, Day
from simulation.columns import Array, Floats, Ints
from simulation.draws import Draws
from simulation.scenarios.scenario import Outage, RecordsPlan, Scenario
from simulation.schema.table import CREATED, EVENT, Table
from simulation.schema.truth import FAULTS, TRUE_FAULTS

EXEMPT = frozenset({"merchants", "partners", "economy", "regulations"})
"""Reference tables: handed over as files, whole."""
LAG_SECONDS = 90
"""A record reaches the lender within so many seconds, unless it is late."""
MISREAD = (0.1, 10.0, 100.0)
"""By which factors a value is wrong that is corrected later."""


@dataclass(frozen=True)
class Landing:
    """Rows with the times at which they land, and what is wrong with which."""

    rows: pl.DataFrame
    faults: pl.DataFrame


def landed(scenario: Scenario, draws: Draws, day: Day, table: Table, rows: pl.DataFrame) -> Landing:
    """What a day's events look like when they arrive."""
    plan = scenario.records
    if table.name in EXEMPT:
        return Landing(rows, _told(day, table, []))
    key = rows[table.columns[0].name].to_numpy().astype(np.int64)
    own = key ^ rows[EVENT].to_physical().to_numpy()
    luck = draws.uniform(f"records.{table.name}", own, day.number)
    created = rows[CREATED].to_physical().to_numpy() + (luck * (LAG_SECONDS * 1_000_000)).astype(np.int64)
    created, found = _late(plan, draws, table, key, own, created)
    rows = _drifted(scenario, day, table, rows)
    created, kept, missed = _outages(scenario, draws, day, table, own, created)
    rows = rows.with_columns(pl.Series(CREATED, created).cast(pl.Datetime("us", "UTC")))
    found += [("outage_late", key[missed & kept], ""), ("outage_lost", key[~kept], "")]
    again, more = _again(plan, draws, day, table, rows, key, own)
    broken, columns = _malformed(plan, draws, table, rows, key, own)
    whole = broken.filter(pl.Series(kept)) if not kept.all() else broken
    return Landing(pl.concat([whole, *again]) if again else whole, _told(day, table, found + more + columns))


Found = list[tuple[str, Ints, str]]


def _late(plan: RecordsPlan, draws: Draws, table: Table, key: Ints, own: Ints, created: Ints) -> tuple[Ints, Found]:
    late = draws.happens(plan.late, f"records.late.{table.name}", own)
    days = 1 + draws.below(plan.late_days, "records.late_days", own[late])
    created = created.copy()
    created[late] += days * DAY_US
    return created, [("late", key[late], "")]


def _outages(
    scenario: Scenario, draws: Draws, day: Day, table: Table, own: Ints, created: Ints
) -> tuple[Ints, Array, Array]:
    """What would land during an outage lands after it, or is lost."""
    kept, missed = np.ones(len(own), dtype=np.bool_), np.zeros(len(own), dtype=np.bool_)
    for outage in scenario.records.outages:
        if outage.table == table.name:
            first, last = _span(scenario, outage)
            during = (created >= first * DAY_US) & (created < last * DAY_US)
            spread = draws.uniform("records.outage", own)
            created = np.where(during, last * DAY_US + (spread * 6 * 3_600_000_000).astype(np.int64), created)
            kept &= ~(during & draws.happens(outage.lost, "records.lost", own))
            missed |= during
    return created, kept, missed


def _span(scenario: Scenario, outage: Outage) -> tuple[int, int]:
    opening = np.datetime64(scenario.start, "M") + outage.month
    first = int(opening.astype("datetime64[D]").astype(np.int64)) + 9
    return first, first + outage.days


def _drifted(scenario: Scenario, day: Day, table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    month = day.month - Day.on(scenario.start).month
    for drift in scenario.records.drifts:
        if drift.table == table.name and month >= drift.month:
            column = pl.col(drift.column)
            rows = rows.with_columns((column * drift.factor).cast(rows.schema[drift.column]))
    return rows


def _again(
    plan: RecordsPlan, draws: Draws, day: Day, table: Table, rows: pl.DataFrame, key: Ints, own: Ints
) -> tuple[list[pl.DataFrame], Found]:
    """Rows that come twice, and rows that come wrong first and right some days later."""
    luck = draws.uniform(f"records.again.{table.name}", own)
    twice, wrong = np.flatnonzero(luck < plan.duplicated), np.flatnonzero(luck > 1 - plan.corrected)
    again: list[pl.DataFrame] = []
    found: Found = []
    if len(twice):
        again.append(rows[twice])
        found.append(("duplicated", key[twice], ""))
    if len(wrong) and _numbers(table):
        again.append(rows[wrong].with_columns(pl.col(CREATED) + pl.duration(days=1 + day.number % plan.late_days)))
        found.append(("corrected", key[wrong], _numbers(table)[0]))
    return again, found


def _malformed(
    plan: RecordsPlan, draws: Draws, table: Table, rows: pl.DataFrame, key: Ints, own: Ints
) -> tuple[pl.DataFrame, Found]:
    """Wrong values of what is corrected later; gaps and absurd values of what is malformed."""
    numbers = _numbers(table)
    luck = draws.uniform(f"records.again.{table.name}", own)
    wrong = luck > 1 - plan.corrected
    bad = draws.happens(plan.malformed, f"records.malformed.{table.name}", own)
    if not numbers or not (wrong.any() or bad.any()):
        return rows, []
    column = numbers[0]
    factor: Floats = np.array(MISREAD)[draws.below(len(MISREAD), "records.misread", own)]
    absent = bad & (factor < 1)
    absurd, misread = -pl.col(column).abs() * 1e6, (pl.col(column) * pl.Series(factor)).round(2)
    value = pl.when(pl.Series(wrong)).then(misread).otherwise(pl.col(column))
    value = pl.when(pl.Series(absent)).then(None).when(pl.Series(bad)).then(absurd).otherwise(value)
    return rows.with_columns(value.alias(column)), [("malformed", key[bad], column)]


def _numbers(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.type == pl.Float64]


def _told(day: Day, table: Table, found: Found) -> pl.DataFrame:
    parts = [
        {
            "table": np.full(len(keys), table.name), "row_id": keys,
            "fault": np.full(len(keys), FAULTS.code(fault), dtype=np.uint8), "column": np.full(len(keys), column),
            "event_timestamp": np.full(len(keys), day.number * DAY_US),
        }
        for fault, keys, column in found
        if len(keys)
    ]  # fmt: skip
    return pl.concat([TRUE_FAULTS.frame(part) for part in parts]) if parts else pl.DataFrame(schema=TRUE_FAULTS.schema)
