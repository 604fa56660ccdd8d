"""What comes in: raw tables through their contracts part by part, and how many rows of them were known at a date."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

import polars as pl

from features.calendar import cutoff, instant, month_end, month_start
from features.contracts import QUARANTINE, Checked, check_table
from features.portfolio import Portfolio, read_parts
from features.spec import CREATED

# The parts checked last in this process, by folder and digest: the months of a replay read the same files.
_last_checked: dict[str, list[dict[str, Checked]]] = {}
_KEPT_BYTES = 2**27


def checked_parts(portfolio: Portfolio, inputs: str) -> Iterator[dict[str, Checked]]:
    """Every part through its contract; raw files whose bytes have not changed are not read twice in a row if small."""
    label = f"{portfolio.folder.resolve()} {inputs}"
    if label in _last_checked:
        yield from _last_checked[label]
        return
    _last_checked.clear()
    kept: list[dict[str, Checked]] | None = []
    size, before = 0.0, dict.fromkeys(portfolio.features.tables, 0)
    for raw in read_parts(portfolio):
        part = {
            table: _numbered(check_table(portfolio.features, table, raw.pop(table)), rows)
            for table, rows in before.items()
        }
        before = {table: before[table] + checked.rows for table, checked in part.items()}
        size += sum(checked.kept.estimated_size() for checked in part.values())
        kept = [*kept, part] if kept is not None and size <= _KEPT_BYTES else None
        yield part
        del part  # not held while the next is made
    if kept:
        _last_checked[label] = kept


def _numbered(checked: Checked, before: int) -> Checked:
    """Rows are counted over all parts."""
    return Checked(checked.kept, checked.quarantined.with_columns(pl.col("row") + before))


@dataclass
class Incoming:
    """How many rows of a table were known at a date, and in its month, and all that broke the contract."""

    as_of: date
    kept: int = 0
    kept_of_month: int = 0
    last: date | None = None
    """The last day on which something became known, up to the date."""
    _quarantined: list[pl.DataFrame] = field(default_factory=list)

    def add(self, part: Checked) -> None:
        """Count a part."""
        known, bad = part.kept.filter(self._known), part.quarantined.filter(self._known)
        self.kept += known.height
        self.kept_of_month += self._of_month(part.kept)
        self._quarantined.append(part.quarantined)
        days = [day for day in (self.last, *map(_last_day, (known, bad))) if day]
        self.last = max(days, default=None)

    @property
    def all_quarantined(self) -> pl.DataFrame:
        """Those of every time."""
        return pl.concat([pl.DataFrame(schema=QUARANTINE), *self._quarantined])

    @property
    def oldest_quarantined(self) -> date | None:
        """The first day that one of them tells."""
        days: pl.Series = self.all_quarantined[CREATED].dt.date().drop_nulls().sort()
        return None if days.is_empty() else days.item(0)

    @property
    def quarantined(self) -> pl.DataFrame:
        """Those known at the date, and those whose time cannot be read."""
        return self.all_quarantined.filter(pl.col(CREATED).is_null() | self._known)

    @property
    def rows(self) -> int:
        """All that were known."""
        return self.kept + self.quarantined.height

    @property
    def quarantined_of_month(self) -> int:
        """Those of the date's month."""
        return self._of_month(self.quarantined)

    @property
    def rows_of_month(self) -> int:
        """All of the date's month."""
        return self.kept_of_month + self.quarantined_of_month

    @property
    def _known(self) -> pl.Expr:
        """Which rows have a time before the date's end; missing: it cannot be read."""
        return pl.col(CREATED) < instant(cutoff(self.as_of))

    def _of_month(self, frame: pl.DataFrame) -> int:
        start = datetime.combine(month_start(self.as_of), time(), UTC)
        end = min(cutoff(month_end(self.as_of)), cutoff(self.as_of))
        within = pl.col(CREATED).is_between(instant(start), instant(end), closed="left")
        return int(frame.select(within.sum()).item())


def _last_day(rows: pl.DataFrame) -> date | None:
    """The day of the newest."""
    found: date | None = rows[CREATED].dt.date().max()  # type: ignore[assignment]
    return found
