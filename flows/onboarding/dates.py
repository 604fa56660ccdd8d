"""Text or numbers → timestamps in UTC, whatever the way of writing dates."""

from dataclasses import dataclass

import polars as pl

INSTANT = pl.Datetime("us", "UTC")
ENOUGH = 0.95
"""Share of the values that must be read as times for a column to count as one."""

YEARS = (1900, 2100)
SAMPLE = 500

# Month-only stamps stand for the whole month, which is known at its end.
MONTHS = ("%Y-%m", "%Y/%m", "%Y.%m", "%Y%m", "%m/%Y", "%m-%Y", "%b-%Y", "%b %Y", "%B %Y", "%B-%Y", "%b-%y", "%Y年%m月")
DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y",
    "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%Y年%m月%d日",
)  # fmt: skip
EITHER = (("%d/%m/%Y", "%m/%d/%Y"), ("%d-%m-%Y", "%m-%d-%Y"), ("%d/%m/%y", "%m/%d/%y"))
CLOCKS = ("%H:%M:%S%.f", "%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")


@dataclass(frozen=True)
class Dates:
    """Times (null where unreadable), how they were written, and whether they name whole months."""

    values: pl.Series
    written: str
    monthly: bool
    ambiguous: str = ""
    """A way of writing that was used and its twin, with day and month exchanged, which fits as well: `03/04/2024`."""

    @property
    def share(self) -> float:
        """Share of the given values that were read."""
        return 1 - self.values.null_count() / max(len(self.values), 1)


def read_dates(column: pl.Series) -> Dates:
    """The best reading of `column`, which must have no nulls; several ways of writing may be mixed."""
    if column.dtype in (pl.Date, pl.Datetime) or isinstance(column.dtype, pl.Datetime):
        return Dates(_in_utc(column), "a date type", False)
    if column.dtype.is_numeric():
        column = column.cast(pl.Int64, strict=False).cast(pl.String)
    elif column.dtype != pl.String:
        return Dates(pl.Series([None] * len(column), dtype=INSTANT), "nothing", False)
    distinct = column.unique(maintain_order=True)
    reading, used = _read_text(distinct)
    table = pl.DataFrame({"text": distinct, "time": reading})
    return Dates(
        pl.DataFrame({"text": column}).join(table, on="text", how="left", maintain_order="left")["time"],
        " or ".join(used) or "nothing",
        bool(used) and used[0] in MONTHS,
        next(filter(None, (_ambiguous(distinct, way) for way in used)), ""),
    )


def _read_text(text: pl.Series) -> tuple[pl.Series, list[str]]:
    sample = text.sample(min(len(text), SAMPLE), seed=0)
    ranked = sorted(
        ((_parsed(sample, way).count(), -place, way) for place, way in enumerate(_ways(text))), reverse=True
    )
    best = [way for count, _, way in ranked if count > 0]
    result = pl.Series([None] * len(text), dtype=INSTANT)
    used: list[str] = []
    for way in best:
        if result.null_count() == 0:
            break
        found = _parsed(text, way)
        if (result.is_null() & found.is_not_null()).any():
            used.append(way)
            result = pl.select(pl.coalesce(result, found)).to_series()
    return result, used


def _ambiguous(text: pl.Series, way: str) -> str:
    """The way and the same with day and month exchanged, if that reads the same texts and as other times."""
    exchanged = {one: two for pair in EITHER for one, two in (pair, pair[::-1])}
    day, _, clock = way.partition(" ")
    if day not in exchanged:
        return ""
    other = f"{exchanged[day]} {clock}".strip()
    here, there = _parsed(text, way), _parsed(text, other)
    fits = here.is_null().equals(there.is_null(), check_names=False) and not here.equals(there, check_names=False)
    return f"{way} and {other}" if fits else ""


def _ways(text: pl.Series) -> list[str]:
    """Every way of writing to try; of two that differ in day and month only the likelier."""
    days = [*DAYS, *(_likelier(text, *pair) for pair in EITHER)]
    return [*days, "iso", "epoch", *MONTHS, *(f"{day} {clock}" for day in days for clock in CLOCKS)]


def _likelier(text: pl.Series, first: str, second: str) -> str:
    """The reading that fails less; with both possible, the one that spreads over more months."""
    counts = []
    for way in (first, second):
        found = text.str.head(10).str.split(" ").list.first().str.to_date(way, strict=False)
        counts.append((found.count(), found.dt.truncate("1mo").n_unique()))
    return second if counts[1] > counts[0] else first


def _parsed(text: pl.Series, way: str) -> pl.Series:
    # `%Y` also takes the 20 of 5-Jan-20 for a year.
    found = _parsed_as(text, way)
    return pl.select(pl.when(found.dt.year().is_between(*YEARS)).then(found)).to_series()


def _parsed_as(text: pl.Series, way: str) -> pl.Series:
    if way == "epoch":
        return _of_epoch(text)
    if way == "iso":
        return _of_iso(text)
    if way in MONTHS:
        return _of_months(text, way)
    # Polars reads `%Y` greedily from 20240131 and the like only with the length pinned.
    pinned = text if way != "%Y%m%d" else pl.select(pl.when(text.str.len_chars() == 8).then(text)).to_series()
    return pinned.str.to_datetime(way, strict=False, time_unit="us").dt.replace_time_zone("UTC")


def _of_months(text: pl.Series, way: str) -> pl.Series:
    tidy = pl.select(pl.when(text.str.len_chars() == 6).then(text)).to_series() if way == "%Y%m" else text
    first = ("1 " + tidy).str.to_date(f"%d {way}", strict=False)
    return first.dt.month_end().cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _of_iso(text: pl.Series) -> pl.Series:
    """ISO 8601 with a T, a fraction, a Z or an offset; without an offset it is taken to be UTC."""
    shape = r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?$"
    parts = pl.select(
        day=text.str.extract(shape, 1), clock=text.str.extract(shape, 2), zone=text.str.extract(shape, 4)
    ).with_columns(
        pl.when(pl.col("clock").str.len_chars() == 5).then(pl.col("clock") + ":00").otherwise("clock").alias("clock"),
        pl.col("zone").str.replace("Z", "+0000").str.replace(":", "").fill_null("+0000"),
    )
    whole = parts.select(pl.concat_str("day", pl.lit("T"), "clock", "zone")).to_series()
    return whole.str.to_datetime("%Y-%m-%dT%H:%M:%S%z", strict=False, time_unit="us").cast(INSTANT)


def _of_epoch(text: pl.Series) -> pl.Series:
    """Seconds or milliseconds since 1970, from 2001 on: shorter numbers are no times."""
    number = pl.select(pl.when(text.str.contains(r"^1\d{9}(\d{3})?$|^2\d{9}$")).then(text)).to_series().cast(pl.Int64)
    seconds = pl.select(pl.when(number > 10**11).then(number // 1000).otherwise(number)).to_series()
    return (seconds * 1_000_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _in_utc(column: pl.Series) -> pl.Series:
    instants = column.cast(pl.Datetime("us", getattr(column.dtype, "time_zone", None)))
    zone = getattr(column.dtype, "time_zone", None)
    return instants.dt.convert_time_zone("UTC") if zone else instants.dt.replace_time_zone("UTC")
