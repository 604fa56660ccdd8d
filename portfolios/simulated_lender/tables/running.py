"""What runs on from month to month: a raw table read up to a version, of which what is outdated is forgotten."""

from datetime import date, timedelta

import polars as pl

from .months import Version
from .raw import CREATED, EVENT, Raw, Schema, at


class Running:
    """The rows of a raw table, read on as versions come: each of them knows at least what the one before did."""

    def __init__(self, raw: Raw, table: str, columns: Schema) -> None:
        self._raw, self._table, self._columns = raw, table, columns
        self._next = date.min
        self._rows: list[pl.DataFrame] = []

    def at(self, version: Version) -> pl.DataFrame:
        """What had happened by the month's close, of what had landed."""
        day = version.known.date()
        if day >= self._next:
            self._rows.append(self._raw.scan(self._table, self._columns, self._next, day).collect())
            self._next = day + timedelta(days=1)
        whole = pl.concat(self._rows)
        seen = (pl.col(EVENT) <= at(version.close)) & (pl.col(CREATED) <= at(version.known))
        found = self.forgotten(whole.filter(seen))
        self._rows = [found, whole.filter(~seen)]
        return found

    def forgotten(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows without those that no later version asks for: here all are kept."""
        return rows


class Standings(Running):
    """How things stand: of each `key` the last `sound` row, with its corrections."""

    def __init__(self, raw: Raw, table: str, columns: Schema, key: str, sound: pl.Expr | None = None) -> None:
        super().__init__(raw, table, columns)
        self._key, self._sound = key, pl.lit(True) if sound is None else sound

    def forgotten(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The last row of each."""
        return rows.filter(self._sound).filter(pl.col(EVENT) == pl.col(EVENT).max().over(self._key))
