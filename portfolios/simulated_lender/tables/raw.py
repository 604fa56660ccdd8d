"""The raw files: Parquet by table and by the day on which it landed, `<table>/day=YYYY-MM-DD/*.parquet`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from features.portfolio import PortfolioError

EVENT, CREATED, CUSTOMER = "event_timestamp", "created_timestamp", "customer_id"
CLOCKS = {EVENT: pl.Datetime("us", "UTC"), CREATED: pl.Datetime("us", "UTC")}
Schema = Mapping[str, type[pl.DataType]]
TABLES = frozenset({
    "app_events", "applications", "balances", "bureau", "collections", "complaints", "contacts", "customers",
    "decisions", "devices", "economy", "holdings", "instalments", "limits", "listings", "loan_states", "loans",
    "logins", "merchants", "orders", "partners", "payments", "regulations", "relations", "responses", "signals",
    "transactions", "transfers",
})  # fmt: skip
"""What a lender's systems land. Nothing else is read: the truth of a simulated world lies beside them."""


class RawMissing(ValueError):
    """There are no raw files, or too few."""


@dataclass(frozen=True)
class Period:
    """A month of becoming known, by the days of its files; the first has all that was known before too."""

    first: date
    last: date

    def known(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that became known in it."""
        begins = at(datetime.combine(self.first, time()))
        return rows.filter(pl.col(CREATED) >= begins, pl.col(CREATED) < at(self.end))

    @property
    def end(self) -> datetime:
        """The moment at which it is over."""
        return datetime.combine(self.last + timedelta(days=1), time())


class NotRaw(ValueError):
    """Something was asked for that no system of the lender landed."""


class Raw:
    """The raw tables in a folder. A table of which nothing has landed is empty; what is no raw table is refused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        # Of all tables: on a quiet day one may have no rows, but a day on which nothing landed is still to come.
        days = sorted(_day(name) for name in {file.parent.name for file in folder.glob("*/day=*/*.parquet")})
        if not days:
            raise RawMissing(f"no TABLE/day=YYYY-MM-DD in {folder}; expected the raw tables of a simulated lender")
        self.until = datetime.combine(days[-1] + timedelta(days=1), time())
        self.months = _whole_months(days[0], days[-1])
        if not self.months:
            raise RawMissing(f"{folder} has no whole month yet ({days[0]} to {days[-1]}): simulate more days first")
        self.periods = _periods(days[0], days[-1])

    def scan(self, table: str, columns: Schema, since: date | None = None, until: date | None = None) -> pl.LazyFrame:
        """The rows that landed from `since` to `until`, both included; the named columns and the two clocks."""
        first, last = since or date.min, until or date.max
        schema: dict[str, type[pl.DataType] | pl.DataType] = {**columns, **CLOCKS}
        files = [
            file
            for day in sorted(self._of(table).glob("day=*"))
            if first <= _day(day.name) <= last
            for file in sorted(day.glob("*.parquet"))
        ]
        if astray := next((file for file in files if not file.resolve().is_relative_to(self._folder)), None):
            raise NotRaw(f"{astray} leads to {astray.resolve()}; expected a file below {self._folder}")
        if not files:
            return pl.LazyFrame(schema=schema)
        _hold_to(files[0], schema)
        # Columns are taken by name, and enumerated ones as text: the contract knows their values.
        rows = pl.scan_parquet(files, hive_partitioning=False, extra_columns="ignore")
        return rows.select(pl.col(name).cast(type_) for name, type_ in schema.items())

    def _of(self, table: str) -> Path:
        folder = self._folder / table
        if table not in TABLES:
            raise NotRaw(f"{table!r} is no raw table; expected one of {', '.join(sorted(TABLES))}")
        if folder.resolve() != folder:
            raise NotRaw(f"{folder} leads to {folder.resolve()}; expected the raw table itself, not a link")
        return folder

    def landed(self, table: str, columns: Schema, period: Period) -> pl.DataFrame:
        """The rows that landed in a period."""
        return self.scan(table, columns, period.first, period.last).collect()

    def read(self, table: str, columns: Schema) -> pl.DataFrame:
        """All rows of a table whose rows are few."""
        return self.scan(table, columns).collect()


def _hold_to(file: Path, columns: Iterable[str]) -> None:
    """All files of a world have one layout, so one file of a table tells whether it is that which is read here."""
    if missing := sorted(set(columns) - set(pl.read_parquet_schema(file))):
        raise PortfolioError(
            f"{file} has no column {', '.join(missing)}: the world in {file.parents[2].resolve().parent} was simulated"
            " by another version of Lendloop; make it anew with `lendloop simulate`, into another folder (`--out`)"
            " or after removing that one"
        )


def _day(folder: str) -> date:
    return date.fromisoformat(folder.removeprefix("day="))


def close_of(month: date) -> datetime:
    """The last second of a month: when its summary is drawn up."""
    return datetime.combine(next_month(month), time()) - timedelta(seconds=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def at(moment: datetime) -> pl.Expr:
    """A moment as a column's value, in UTC."""
    return pl.lit(moment).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def current(rows: pl.DataFrame, *key: str) -> pl.DataFrame:
    """The last landed version of each row: what comes twice counts once, and a correction replaces what it corrects."""
    twice = rows.select(pl.struct(key).is_duplicated()).to_series()
    if not twice.any():
        return rows
    ordered = rows.filter(twice).sort(CREATED, maintain_order=True)
    return pl.concat([rows.filter(~twice), ordered.unique([*key], keep="last", maintain_order=True)])


def _whole_months(first: date, last: date) -> list[date]:
    months, month = [], first.replace(day=1)
    while next_month(month) - timedelta(days=1) <= last:
        months.append(month)
        month = next_month(month)
    return months


def _periods(first: date, last: date) -> list[Period]:
    """The months from the first day to the last, whole or not."""
    periods: list[Period] = []
    month = first.replace(day=1)
    while month <= last:
        ends = min(next_month(month) - timedelta(days=1), last)
        periods.append(Period(month if periods else date.min, ends))
        month = next_month(month)
    return periods
