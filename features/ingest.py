"""Ingest: raw tables through their contracts into the lake, month by month of becoming known."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil

import polars as pl

from features.calendar import cutoff, month_end, month_start
from features.contracts import QUARANTINE, Checked, check_table
from features.digests import code_digest, digest_of
from features.ingested import Ingested, forget_ingested, note_ingested, read_ingested
from features.lake import Lake, NoData
from features.portfolio import Portfolio, read_tables
from features.spec import CREATED, FeatureSpec

# The tables checked last in this process, by folder and digest: the months of a replay read the same files.
_last_checked: dict[str, dict[str, Checked]] = {}
_KEPT_BYTES = 2**28


@dataclass(frozen=True)
class TableReport:
    """What happened to one table: all rows known at the date, those of its month, and how many broke which rule."""

    table: str
    rows_in: int
    rows_kept: int
    rows_quarantined: int
    rows_of_month: int
    reasons: dict[str, int]
    reused: bool


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did; for every table rows in = rows kept + rows quarantined."""

    portfolio: str
    as_of: date
    tables: tuple[TableReport, ...]

    @property
    def reused(self) -> bool:
        """Whether everything was in the lake already."""
        return all(table.reused for table in self.tables)


class QuarantineExceeded(RuntimeError):
    """More rows broke their contract than the table's `quarantine_limit` allows; only the quarantine was written."""


def ingest(portfolio: Portfolio, lake: Lake, as_of: date) -> IngestReport:
    """Bring everything known at the end of `as_of` into the lake.

    Raises `NoData` when nothing became known since the last whole month began, and `QuarantineExceeded`.
    """
    spec, name = portfolio.features, portfolio.name
    inputs = digest_of(portfolio.digest(), code_digest("contracts.py", "casts.py", "ingest.py"), pl.__version__)
    done = read_ingested(lake, name)
    same = done if done and done.inputs == inputs and _is_whole(portfolio, lake, min(as_of, done.as_of)) else None
    if same and as_of <= same.as_of:
        there = {table: _stored(portfolio, lake, table, as_of) for table in spec.tables}
        return _report(name, as_of, there, reused=True)
    checked = _checked(portfolio, inputs)
    first = _first_day(name, checked, as_of)
    if done and not same:
        forget_ingested(lake, name)
    known = {table: _known(parts, as_of) for table, parts in checked.items()}
    since = _since(lake, name, first, same)
    for table, parts in checked.items():
        lake.extend(name, "quarantine", table, parts.quarantined, first=since, as_of=as_of)
    for table, parts in known.items():
        _refuse_excess(spec, table, parts, as_of)
    for table, parts in checked.items():
        lake.extend(name, "tables", table, parts.kept, first=since, as_of=as_of)
    note_ingested(lake, name, Ingested(inputs, as_of, portfolio.raw_files()))
    return _report(name, as_of, known, reused=False)


def _is_whole(portfolio: Portfolio, lake: Lake, as_of: date) -> bool:
    return all(lake.holds(portfolio.name, "tables", table, as_of) for table in portfolio.features.tables)


def _checked(portfolio: Portfolio, inputs: str) -> dict[str, Checked]:
    """Every raw table through its contract; raw files whose bytes have not changed are not read twice in a row."""
    label = f"{portfolio.folder.resolve()} {inputs}"
    if label in _last_checked:
        return _last_checked[label]
    checked = {table: check_table(portfolio.features, table, raw) for table, raw in read_tables(portfolio).items()}
    _last_checked.clear()
    if sum(parts.kept.estimated_size() for parts in checked.values()) <= _KEPT_BYTES:
        _last_checked[label] = checked
    return checked


def _first_day(name: str, checked: dict[str, Checked], as_of: date) -> date:
    times = pl.concat([frame[CREATED] for parts in checked.values() for frame in (parts.kept, parts.quarantined)])
    days: list[date] = times.drop_nulls().dt.date().unique().sort().to_list()
    known = [day for day in days if day <= as_of]
    # A month may be young, but a whole month in which nothing became known is a feed that stopped.
    whole = month_start(month_start(as_of + timedelta(days=1)) - timedelta(days=1))
    if not known or known[-1] < whole:
        found = f"rows from {days[0]} to {days[-1]}" if days else "no readable time"
        raise NoData(
            f"{name}: nothing became known from {whole} to {as_of}; the raw tables hold {found}. "
            "Choose a date in that range, or add the raw files of the month"
        )
    return known[0]


def _since(lake: Lake, name: str, first: date, done: Ingested | None) -> date:
    """The first day whose partitions may be other than the raw files say."""
    if done:
        return max(first, month_start(done.as_of))
    # A month whose rows are all gone from the raw files keeps a partition, without them.
    there = [one.name.removeprefix("known=") for one in (lake.root / name / "tables").glob("*/known=*")]
    return min([first, *(date.fromisoformat(f"{month}-01") for month in there)])


def _known(parts: Checked, as_of: date) -> Checked:
    known = pl.col(CREATED).is_null() | (pl.col(CREATED) < cutoff(as_of))
    return Checked(parts.kept.filter(known), parts.quarantined.filter(known))


def _stored(portfolio: Portfolio, lake: Lake, table: str, as_of: date) -> Checked:
    quarantined = lake.read(portfolio.name, "quarantine", table, as_of=as_of)
    try:
        return Checked(lake.read(portfolio.name, "tables", table, as_of=as_of, columns=[CREATED]), quarantined)
    except NoData:
        return Checked(pl.DataFrame(schema={CREATED: QUARANTINE[CREATED]}), quarantined)


def _refuse_excess(spec: FeatureSpec, table: str, parts: Checked, as_of: date) -> None:
    limit = spec.tables[table].quarantine_limit
    bad, rows = parts.quarantined.height, parts.rows
    bad_now, rows_now = _of_month(parts.quarantined, as_of), _rows_of_month(parts, as_of)
    # The month too, or a bad one would hide among many good ones. Rounded up: a small month may have one bad row.
    if bad <= limit * rows and bad_now <= ceil(limit * rows_now):
        return
    commonest = list(_reasons(parts.quarantined).items())[:3]
    raise QuarantineExceeded(
        f"table {table!r}: {bad} of {rows} rows known at {as_of} are bad ({bad_now} of {rows_now} in its month), more "
        f"than quarantine_limit {limit:g}; commonest: {'; '.join(f'{rule} ({count})' for rule, count in commonest)}. "
        "Only the quarantine was written: see its `reason`, then correct the raw file, the contract or the limit"
    )


def _of_month(frame: pl.DataFrame, as_of: date) -> int:
    start = datetime.combine(month_start(as_of), time(), UTC)
    return int(frame[CREATED].is_between(start, cutoff(month_end(as_of)), closed="left").sum())


def _rows_of_month(parts: Checked, as_of: date) -> int:
    return _of_month(parts.kept, as_of) + _of_month(parts.quarantined, as_of)


def _reasons(quarantined: pl.DataFrame) -> dict[str, int]:
    rules = quarantined["rules"].str.split("; ").explode().drop_nulls()
    counts = rules.value_counts().sort(["count", "rules"], descending=[True, False])
    return dict(counts.iter_rows())


def _report(name: str, as_of: date, tables: dict[str, Checked], *, reused: bool) -> IngestReport:
    rows = tuple(
        TableReport(
            table=table,
            rows_in=parts.rows,
            rows_kept=parts.kept.height,
            rows_quarantined=parts.quarantined.height,
            rows_of_month=_rows_of_month(parts, as_of),
            reasons=_reasons(parts.quarantined),
            reused=reused,
        )
        for table, parts in tables.items()
    )
    return IngestReport(name, as_of, rows)
