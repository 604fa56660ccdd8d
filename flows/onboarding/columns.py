"""What a column holds: numbers, times, flags, categories or free text, whatever it was written as."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from features.spec import ColumnType
from flows.onboarding import dates, numbers
from flows.onboarding.names import words

TIME_WORDS = {"date", "dt", "day", "time", "timestamp", "datetime", "at", "on", "fecha", "datum"}


LIKE_A_TIME = r"^\d{1,4}[-/.年 ]\s*[\dA-Za-z]|^\d{6}$|^\d{8}|^[A-Za-z]{3,9}\.?[ -]+\d"
"""Spares a column of plain words the trial of every way to write a date."""


@dataclass(frozen=True)
class Content:
    """A column's values in its canonical type, and remarks on how they were read."""

    type: ColumnType
    values: pl.Series
    remarks: tuple[str, ...] = ()

    @cached_property
    def distinct(self) -> int:
        """How many different values there are, missing not counted."""
        return self.values.drop_nulls().n_unique()

    @property
    def missing(self) -> int:
        """How many rows have no value."""
        return self.values.null_count()

    def as_category(self) -> "Content":
        """The same values as text."""
        return Content("category", self.values.cast(pl.String), self.remarks)


def read_content(raw: pl.Series, header: str) -> Content:
    """The values of `raw`, as text or typed, in the type they are likeliest meant in."""
    if raw.dtype == pl.Boolean:
        return Content("bool", raw)
    if raw.dtype == pl.Date or isinstance(raw.dtype, pl.Datetime):
        return Content("timestamp", _spread(raw, dates.read_dates(raw.drop_nulls()).values))
    if raw.dtype.is_numeric() or isinstance(raw.dtype, pl.Decimal):
        return _of_numbers(raw, header)
    return _of_text(raw.cast(pl.String).str.strip_chars(), header)


def _of_numbers(raw: pl.Series, header: str) -> Content:
    values = pl.select(_finite(raw.cast(pl.Float64))).to_series().alias(raw.name)
    remarks = _lost(raw.count() - values.count(), "infinite or not a number")
    if _named_like_a_time(header) and (times := _as_times(raw)) is not None:
        return times
    if raw.dtype.is_integer() and raw.cast(pl.Int64, strict=False).null_count() == raw.null_count():
        return Content("int", raw.cast(pl.Int64), remarks)
    whole = bool((values.drop_nulls() % 1 == 0).all()) and bool((values.drop_nulls().abs() < 2**53).all())
    return Content("int", values.cast(pl.Int64), remarks) if whole else Content("float", values, remarks)


def _finite(values: pl.Series) -> pl.Expr:
    return pl.when(values.is_finite()).then(values)


def _of_text(raw: pl.Series, header: str) -> Content:
    present = raw.drop_nulls()
    # 01234 is a code: as a number it would lose its zero.
    if not present.str.contains(r"^0\d").any():
        found = numbers.read_numbers(present)
        if present.len() and found.share >= numbers.ENOUGH:
            return _of_written_numbers(raw, found, header)
    if present.str.contains(LIKE_A_TIME).mean() == 1 and (times := _as_times(raw)) is not None:
        return times
    return Content("category", raw)


def _of_written_numbers(raw: pl.Series, found: numbers.Numbers, header: str) -> Content:
    if _named_like_a_time(header) and (times := _as_times(raw)) is not None:
        return times
    values = _spread(raw, found.values)
    remarks: tuple[str, ...] = (f"text read as numbers ({found.written})",) if found.written else ()
    lost = raw.filter(raw.is_not_null() & values.is_null())
    if lost.len():
        remarks += (f"{lost.len():,} values are no numbers, such as {lost[0]!r}, and count as missing",)
    return Content("int" if found.whole else "float", values.cast(pl.Int64) if found.whole else values, remarks)


def _named_like_a_time(header: str) -> bool:
    return bool(set(words(header)) & TIME_WORDS) or "日期" in header or "时间" in header


def _as_times(raw: pl.Series) -> Content | None:
    present = raw.drop_nulls()
    found = dates.read_dates(present)
    if not present.len() or found.share < dates.ENOUGH:
        return None
    lost = found.values.null_count()
    return Content("timestamp", _spread(raw, found.values), (f"read as {found.written}", *_lost(lost, "no dates")))


def _lost(count: int, what: str) -> tuple[str, ...]:
    return (f"{count:,} values are {what} and count as missing",) if count else ()


def _spread(raw: pl.Series, found: pl.Series) -> pl.Series:
    """`found`, which has a value for each that `raw` has, in the places of `raw`."""
    whole = pl.Series(raw.name, [None] * len(raw), dtype=found.dtype)
    return whole.scatter(raw.is_not_null().arg_true(), found)
