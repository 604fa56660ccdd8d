"""Faults of records: drawn row by row from the row's own id, so that they do not depend on how rows are gathered."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from polars._typing import PolarsDataType

from simulation.calendar import DAY_US, Day
from simulation.columns import Array, Flags, Floats, Frame, Ints
from simulation.draws import Draws
from simulation.scenarios.scenario import Outage, Scenario
from simulation.schema import EXEMPT
from simulation.schema.table import CREATED, EVENT, UNREADABLE, Column, Table
from simulation.schema.truth import FAULTS, ROW_ID

IN_TIME = frozenset({"applications", "bureau", "signals"})
"""What a decision needs is there when it is made; only an outage holds it back."""
LAG_US = 90_000_000
"""A record reaches the lender within so many microseconds, unless it is late."""
MISREAD = np.array([0.1, 10.0, 100.0])
"""By which factors a value is wrong that is corrected later."""
ABSURD = -1e6
OUTAGE_OPENS, OUTAGE_HOURS = 9, 6
"""Days after its month's first on which an outage begins; hours over which what was missed lands afterwards."""


@dataclass
class Faults:
    """What is wrong with the rows of one table and day: rows of `schema.truth.TRUE_FAULTS`."""

    table: Table
    day: Day
    rows: Frame
    frames: list[Frame] = field(default_factory=list)

    def note(self, fault: str, which: Flags, column: str = "") -> None:
        """Note a fault of some of the rows, by their keys."""
        at = np.flatnonzero(which)
        if size := len(at):
            parts = [self.rows[name][at].astype(np.int64) for name in self.table.key]
            parts += [np.zeros(size, dtype=np.int64)] * (len(ROW_ID) - len(parts))
            self.frames.append({
                "table": np.full(size, self.table.name),
                **dict(zip(ROW_ID, parts, strict=True)),
                "fault": np.full(size, FAULTS.code(fault), dtype=np.uint8),
                "column": np.full(size, column),
                EVENT: np.full(size, self.day.number * DAY_US),
            })  # fmt: skip


def landed(scenario: Scenario, draws: Draws, day: Day, table: Table, rows: Frame) -> tuple[Frame, Faults]:
    """A day's events as they arrive, with the times at which they do, and what is wrong with which."""
    faults = Faults(table, day, rows)
    if table.name in EXEMPT:
        return rows, faults
    key = rows[table.columns[0].name].astype(np.int64)
    own = key ^ rows[EVENT]
    created = _arrival(scenario, draws, table, rows, own, faults)
    created, kept = _outages(scenario, draws, table, own, created, faults)
    luck = draws.uniform(f"records.again.{table.name}", own)
    twice = luck < scenario.records.duplicated
    wrong = luck > 1 - scenario.records.corrected
    bad = draws.happens(scenario.records.malformed, f"records.malformed.{table.name}", own)
    right = _drifted(scenario, day, table, rows)
    first = _misread(draws, right, own, wrong, bad, faults) if (wrong | bad).any() else right
    faults.note("duplicated", twice)
    again = created + (1 + own % scenario.records.late_days) * DAY_US
    for outage in _outages_of(scenario, table):
        again, _ = _held_back(scenario, draws, outage, own, again)
    parts = [(first, created, kept), (first, created, kept & twice), (right, again, kept & wrong)]
    return _gathered(parts), faults


def _arrival(scenario: Scenario, draws: Draws, table: Table, rows: Frame, own: Ints, faults: Faults) -> Ints:
    """Seconds after they happen, or days where they are late."""
    lag = (draws.uniform(f"records.{table.name}", own) * LAG_US).astype(np.int64)
    share = 0.0 if table.name in IN_TIME else scenario.records.late
    late = draws.happens(share, f"records.late.{table.name}", own)
    lag[late] += (1 + draws.below(scenario.records.late_days, "records.late_days", own[late])) * DAY_US
    faults.note("late", late)
    return np.asarray(rows.get(CREATED, rows[EVENT]) + lag, dtype=np.int64)


def _outages(
    scenario: Scenario, draws: Draws, table: Table, own: Ints, created: Ints, faults: Faults
) -> tuple[Ints, Flags]:
    """What would land during an outage lands after it, or is lost."""
    kept = np.ones(len(own), dtype=np.bool_)
    for outage in _outages_of(scenario, table):
        created, during = _held_back(scenario, draws, outage, own, created)
        lost = during & draws.happens(outage.lost, "records.lost", own)
        kept &= ~lost
        faults.note("outage_late", during & ~lost)
        faults.note("outage_lost", lost)
    return created, kept


def _outages_of(scenario: Scenario, table: Table) -> list[Outage]:
    """A table's outages in order: what the first holds back may land in the next."""
    mine = [outage for outage in scenario.records.outages if outage.table == table.name]
    return sorted(mine, key=lambda outage: _span(scenario, outage))


def _held_back(scenario: Scenario, draws: Draws, outage: Outage, own: Ints, created: Ints) -> tuple[Ints, Flags]:
    """When rows land if not during an outage but behind it, and for which that is so."""
    first, last = _span(scenario, outage)
    during = (created >= first * DAY_US) & (created < last * DAY_US)
    if not during.any():
        return created, during
    after = draws.uniform("records.outage", own) * OUTAGE_HOURS * DAY_US / 24
    return np.where(during, last * DAY_US + after.astype(np.int64), created), during


def _span(scenario: Scenario, outage: Outage) -> tuple[int, int]:
    opening = (np.datetime64(scenario.start, "M") + outage.month).astype("datetime64[D]").astype(np.int64)
    first = int(opening) + OUTAGE_OPENS
    return first, first + outage.days


def _drifted(scenario: Scenario, day: Day, table: Table, rows: Frame) -> Frame:
    month = day.month - Day.on(scenario.start).month
    for drift in scenario.records.drifts:
        if drift.table == table.name and month >= drift.month:
            name = _stored(rows, drift.column)
            changed = rows[name] * drift.factor
            whole = table.schema[drift.column]
            rows = {**rows, name: changed if rows[name].dtype.kind == "f" else _rounded(changed, whole)}
    return rows


def _rounded(values: Floats, type_: PolarsDataType) -> Ints:
    """Whole numbers, no larger than a column of whole numbers holds."""
    if type_.is_integer():
        bounds = np.iinfo(pl.Series(dtype=type_).to_numpy().dtype)
        values = np.clip(values, bounds.min, bounds.max)
    return np.round(values).astype(np.int64)


def _misread(draws: Draws, rows: Frame, own: Ints, wrong: Flags, bad: Flags, faults: Faults) -> Frame:
    """One column of a table is wrong where it is corrected later; where malformed it is missing or absurd."""
    table = faults.table
    if (column := table.spoiled) is None:
        return rows
    name = _stored(rows, column.name)
    faults.note("corrected", wrong, column.name)
    faults.note("malformed", bad, column.name)
    if column.levels is None:
        return {**rows, name: _wrong_numbers(draws, rows[name], own, wrong, bad)}
    # A part of the key is never another one: what corrects it would be the correction of nothing.
    missing, other = (wrong | bad, wrong & False) if column.name in table.key else (bad, wrong)
    return {**rows, name: _wrong_names(draws, column, rows[name], own, other, missing)}


def _wrong_numbers(draws: Draws, right: Array, own: Ints, wrong: Flags, bad: Flags) -> Floats:
    factor = MISREAD[draws.below(len(MISREAD), "records.misread", own)]
    value, missing = right.astype(np.float64), np.isnan(right)
    # Nothing times a factor would be right.
    there = np.where(missing | (right == 0), 1.0, value)
    value[wrong] = np.round(there[wrong] * factor[wrong], 2)
    value[bad] = np.where((factor[bad] < 1) & ~missing[bad], np.nan, np.abs(there[bad]) * ABSURD)
    return value


def _wrong_names(draws: Draws, column: Column, right: Array, own: Ints, other: Flags, missing: Flags) -> Array:
    """Another of the column's names, or none that could be read."""
    levels, codes = len(column.levels or ()), right.astype(np.uint8)
    on = 1 + draws.below(levels - 1, "records.misread", own[other])
    codes[other] = (codes[other] + on) % levels
    codes[missing] = UNREADABLE
    return codes


def _stored(rows: Frame, column: str) -> str:
    return column if column in rows else f"{column}_cents"


def _gathered(parts: list[tuple[Frame, Ints, Flags]]) -> Frame:
    """The chosen rows of each part with their times of arrival, in one."""
    chosen = [(rows, created, np.flatnonzero(keep)) for rows, created, keep in parts]
    chosen = [part for part in chosen if len(part[2])] or chosen[:1]
    names = [name for name in chosen[0][0] if name != CREATED]
    gathered: dict[str, Array] = {name: np.concatenate([rows[name][at] for rows, _, at in chosen]) for name in names}
    gathered[CREATED] = np.concatenate([created[at] for _, created, at in chosen])
    return gathered
