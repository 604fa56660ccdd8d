"""Ingest: raw tables through their contracts into the lake, month by month of becoming known."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

import polars as pl

from features.calendar import month_end, month_ends, month_of, month_start
from features.contracts import Checked
from features.digests import code_digest, digest_of
from features.incoming import Incoming, checked_parts
from features.ingested import Ingested, forget_ingested, note_ingested, read_ingested
from features.lake import Lake, NoData
from features.portfolio import Portfolio
from features.spec import CREATED, FeatureSpec
from features.staging import Staging

_CODE = ("contracts.py", "casts.py", "incoming.py", "ingest.py", "portfolio.py", "staging.py")


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
    inputs = digest_of(portfolio.digest(), code_digest(*_CODE), pl.__version__)
    done = read_ingested(lake, name)
    same = done if done and done.inputs == inputs and _is_whole(portfolio, lake, min(as_of, done.as_of)) else None
    if same and as_of <= same.as_of:
        there = {table: _stored(portfolio, lake, table, as_of) for table in spec.tables}
        last = [known.last for known in there.values() if known.last]
        _refuse_nothing(name, as_of, last, f"rows to {max(last)}, and later ones" if last else "later rows")
        return _report(name, as_of, there, reused=True)
    with closing(Staging(lake, name, as_of)) as staged:
        known = _taken_in(portfolio, staged, inputs, as_of, same)
        if done and not same:
            forget_ingested(lake, name)
        for table, rows in known.items():
            first = _quarantined_since(lake, name, table, staged.first, rows)
            lake.extend(name, "quarantine", table, rows.all_quarantined, first=first, as_of=as_of)
        for table, rows in known.items():
            _refuse_excess(spec, table, rows, as_of)
        staged.commit()
    note_ingested(lake, name, Ingested(inputs, as_of, portfolio.raw_files()))
    return _report(name, as_of, known, reused=False)


def _taken_in(
    portfolio: Portfolio, staged: Staging, inputs: str, as_of: date, same: Ingested | None
) -> Mapping[str, Incoming]:
    """Every part through its contract and beside the lake; what became known later than `as_of` is not read on."""
    known = {table: Incoming(as_of) for table in portfolio.features.tables}
    days: list[date] = []
    sound: list[date] = []  # those of kept rows, up to `as_of`: a bad row may tell any time
    whole = _last_whole_month(as_of)
    for part in checked_parts(portfolio, inputs):
        fresh, kept = _days(part), _days(part, kept_only=True)
        if fresh and fresh[0] > month_end(as_of) and _without_gap(sound, whole):
            break
        past = [day for day in days if day <= as_of]
        days = sorted({*days, *fresh})
        if days and days[0] <= as_of and (not past or (kept and kept[0] < past[0])):
            staged.begin(_since(staged.lake, portfolio.name, days[0], same))
        sound = sorted({*sound, *(day for day in kept if day <= as_of)})
        staged.put({table: checked.kept for table, checked in part.items()})
        for table, checked in part.items():
            known[table].add(checked)
        del part, checked  # not held while the next is made
    found = f"rows from {days[0]} to {days[-1]}" if days else "no readable time"
    _refuse_nothing(portfolio.name, as_of, [day for day in days if day <= as_of], found)
    return known


def _last_whole_month(as_of: date) -> date:
    """The first day of the last month that is over at the end of `as_of`."""
    return month_start(month_start(as_of + timedelta(days=1)) - timedelta(days=1))


def _refuse_nothing(name: str, as_of: date, days: Sequence[date], found: str) -> None:
    """A month may be young, but a whole month in which nothing became known is a feed that stopped."""
    whole = _last_whole_month(as_of)
    if not days or max(days) < whole:
        raise NoData(
            f"{name}: nothing became known from {whole} to {as_of}; the raw tables hold {found}. "
            "Choose a date in that range, or add the raw files of the month"
        )


def _days(part: Mapping[str, Checked], *, kept_only: bool = False) -> list[date]:
    bad = [] if kept_only else [checked.quarantined[CREATED] for checked in part.values()]
    times = pl.concat([*(checked.kept[CREATED] for checked in part.values()), *bad])
    days: list[date] = times.drop_nulls().dt.date().unique().sort().to_list()
    return days


def _without_gap(days: list[date], whole: date) -> bool:
    """Whether there is a day of every month up to that of `whole`: one that is missing may yet come, out of order."""
    return bool(days) and {*map(month_of, month_ends(days[0], whole))} <= {*map(month_of, days)}


def _is_whole(portfolio: Portfolio, lake: Lake, as_of: date) -> bool:
    return all(lake.holds(portfolio.name, "tables", table, as_of) for table in portfolio.features.tables)


def _since(lake: Lake, name: str, first: date, done: Ingested | None) -> date:
    """The first day whose partitions may be other than the raw files say."""
    if done:
        return max(first, month_start(done.as_of))
    # A month whose rows are all gone from the raw files keeps a partition, without them.
    there = [one.name.removeprefix("known=") for one in (lake.root / name / "tables").glob("*/known=*")]
    return min([first, *(date.fromisoformat(f"{month}-01") for month in there)])


def _quarantined_since(lake: Lake, name: str, table: str, first: date, known: Incoming) -> date:
    """A bad row may tell any time, in a part that was not read before too; one that was mended leaves its place."""
    there = [one.name.removeprefix("known=") for one in lake.folder(name, "quarantine", table).glob("known=[0-9]*")]
    days = [date.fromisoformat(f"{month}-01") for month in there]
    return min([first, *days, *([known.oldest_quarantined] if known.oldest_quarantined else [])])


def _stored(portfolio: Portfolio, lake: Lake, table: str, as_of: date) -> Incoming:
    found = Incoming(as_of)
    quarantined = lake.read(portfolio.name, "quarantine", table, as_of=as_of)
    try:
        kept = lake.read(portfolio.name, "tables", table, as_of=as_of, columns=[CREATED])
    except NoData:
        kept = pl.DataFrame(schema={CREATED: quarantined.schema[CREATED]})
    found.add(Checked(kept, quarantined))
    return found


def _refuse_excess(spec: FeatureSpec, table: str, known: Incoming, as_of: date) -> None:
    limit = spec.tables[table].quarantine_limit
    bad, rows = known.quarantined.height, known.rows
    bad_now, rows_now = known.quarantined_of_month, known.rows_of_month
    # The month too, or a bad one would hide among many good ones. Rounded up: a small month may have one bad row.
    if bad <= limit * rows and bad_now <= ceil(limit * rows_now):
        return
    commonest = list(_reasons(known.quarantined).items())[:3]
    raise QuarantineExceeded(
        f"table {table!r}: {bad} of {rows} rows known at {as_of} are bad ({bad_now} of {rows_now} in its month), more "
        f"than quarantine_limit {limit:g}; commonest: {'; '.join(f'{rule} ({count})' for rule, count in commonest)}. "
        "Only the quarantine was written: see its `reason`, then correct the raw file, the contract or the limit"
    )


def _reasons(quarantined: pl.DataFrame) -> dict[str, int]:
    rules = quarantined["rules"].str.split("; ").explode().drop_nulls()
    counts = rules.value_counts().sort(["count", "rules"], descending=[True, False])
    return dict(counts.iter_rows())


def _report(name: str, as_of: date, tables: Mapping[str, Incoming], *, reused: bool) -> IngestReport:
    rows = tuple(
        TableReport(
            table=table,
            rows_in=known.rows,
            rows_kept=known.kept,
            rows_quarantined=known.quarantined.height,
            rows_of_month=known.rows_of_month,
            reasons=_reasons(known.quarantined),
            reused=reused,
        )
        for table, known in tables.items()
    )
    return IngestReport(name, as_of, rows)
