"""Partitions made beside those of the lake, part by part, and put in their place together once all are good."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

import polars as pl

from features.calendar import month_ends, month_of
from features.digests import rows_digest
from features.lake import Lake, known_in
from features.lake_files import LakeError, to_parquet
from features.portfolio import PortfolioError
from features.spec import CREATED
from infra.files import sync, write_whole

SUFFIX = ".staged"


class MonthInTwoParts(PortfolioError):
    """Rows of a table that became known in one month came in two parts: the first would be lost."""


class PartsOutOfOrder(PortfolioError):
    """A part has a month earlier than one of a part before it: it may never be read, or have no place any more."""


class StagedElsewhere(LakeError):
    """What was staged is gone: another ingest of the portfolio into this lake began meanwhile."""


class Staging:
    """The next tables of a portfolio up to a date; `close` leaves nothing of what was not committed."""

    def __init__(self, lake: Lake, portfolio: str, as_of: date) -> None:
        self.lake, self._portfolio, self._as_of = lake, portfolio, as_of
        self._ends: dict[str, date] = {}
        self._empty: dict[str, pl.DataFrame] = {}
        self._seen: set[tuple[str, str]] = set()
        self._newest = ""
        self._staged: set[Path] = set()
        self._ending = f".{secrets.token_hex(4)}{SUFFIX}"  # another's files never pass for ours
        self.close()  # what a killed one left

    def begin(self, first: date) -> None:
        """Partitions are due from this day's month on."""
        self.first = first
        self._ends = {month_of(end): min(end, self._as_of) for end in month_ends(first, self._as_of)}

    def put(self, part: Mapping[str, pl.DataFrame]) -> None:
        """The months of the tables' next part, all of them whole and none before those of earlier parts."""
        months = {table: _months(rows) for table, rows in part.items()}
        for table, rows in part.items():
            self._empty[table] = rows.clear()
            for month in months[table]:
                self._check(table, month)
                self._seen.add((table, month))
                if month in self._ends:
                    self._stage(table, month, rows)
        self._newest = max([self._newest, *(month for found in months.values() for month in found)])

    def commit(self) -> None:
        """Put everything in its place. The month of `as_of` comes last of a table: once it is there, all are."""
        for table, empty in self._empty.items():
            for month in self._ends:
                if (table, month) not in self._seen:
                    self._stage(table, month, empty)
                file = self.lake.file(self._portfolio, "tables", table, month)
                if self._beside(file) in self._staged:
                    self._replace(file)

    def close(self) -> None:
        """Remove what was not committed."""
        for left in self.lake.folder(self._portfolio, "tables", "*").parent.glob(f"*/*/*{SUFFIX}"):
            with suppress(OSError):
                left.unlink()
                left.parent.rmdir()

    def _check(self, table: str, month: str) -> None:
        found = f"{self._portfolio}: parts() gave rows of {table!r} that became known in {month}"
        if (table, month) in self._seen:
            raise MonthInTwoParts(f"{found} in two parts; expected every month whole in one")
        if month < self._newest:
            raise PartsOutOfOrder(
                f"{found} after a part with {self._newest}; expected later parts to have later months: "
                f"give them in the order of {CREATED}"
            )

    def _replace(self, file: Path) -> None:
        with self.lake.writing(self._portfolio, file):
            if not (staged := self._beside(file)).exists():
                raise StagedElsewhere(
                    f"{staged}: is gone before it was put in its place; expected one ingest of {self._portfolio} at a "
                    "time. Run it again once the other has ended"
                )
            os.replace(staged, file)
            sync(file.parent)

    def _beside(self, file: Path) -> Path:
        return file.with_name(f"{file.name}{self._ending}")

    def _stage(self, table: str, month: str, rows: pl.DataFrame) -> None:
        there, end = self.lake.partition(self._portfolio, "tables", table, month), self._ends[month]
        covers = max(end, there.covers) if there else end
        known = known_in(rows, month, covers)
        digest = rows_digest(known)
        if self.lake.wants(self._portfolio, "tables", table, month, covers=covers, inputs=digest):
            file = self._beside(self.lake.file(self._portfolio, "tables", table, month))
            with self.lake.writing(self._portfolio, file):
                write_whole(file, to_parquet(known, {"covers": covers.isoformat(), "inputs": digest}))
            self._staged.add(file)


def _months(rows: pl.DataFrame) -> list[str]:
    months: list[str] = rows[CREATED].dt.strftime("%Y-%m").unique().sort().to_list()
    return months
