"""Rows of a file → who and when; rows that cannot be used are set aside with the reason, never dropped unseen."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from flows.onboarding.dates import Dates, read_dates
from flows.onboarding.request import OnboardingError

MOST_UNREADABLE = 0.2
MOST_REPEATED = 0.01
NUMBERED = "row_number"

Dtype = Literal["int", "string"]


@dataclass(frozen=True)
class Rows:
    """The usable rows of a file, by position: entity and event time of each.

    `repeats` says whether an entity has several rows; `numbered`, that each row is its own entity.
    """

    positions: pl.Series
    keys: pl.Series
    events: pl.Series
    dates: Dates
    numbered: bool
    set_aside: pl.DataFrame
    notes: tuple[str, ...]

    @property
    def key_type(self) -> Dtype:
        """Type of the entity key."""
        return "int" if self.keys.dtype == pl.Int64 else "string"

    @property
    def entities(self) -> int:
        """How many entities there are."""
        return self.keys.n_unique()


def usable_rows(frame: pl.DataFrame, id_column: str | None, time_column: str, headers: dict[str, str]) -> Rows:
    """Find each row's entity and time in `frame`, whose columns are `c0`, `c1`, …; `headers`: as they were written."""
    dates = _times(frame[time_column], headers[time_column])
    table = frame.with_row_index("row", offset=1).with_columns(event=dates.values)
    reasons = [pl.when(pl.col("event").is_null()).then(pl.lit(f"no readable time in {headers[time_column]!r}"))]
    if id_column is not None:
        reasons.append(pl.when(pl.col(id_column).is_null()).then(pl.lit(f"no id in {headers[id_column]!r}")))
    same = pl.struct(frame.columns)
    reasons.append(pl.when(~same.is_first_distinct()).then(pl.lit("the same in every column as an earlier row")))
    table = table.with_columns(reason=pl.coalesce(reasons))
    _refuse_many(table, headers, time_column, id_column)
    numbered, notes = id_column is None, []
    if id_column is not None:
        again = pl.struct(id_column, "event").is_first_distinct()
        repeated = table.filter(pl.col("reason").is_null()).filter(~again).height
        numbered = repeated > MOST_REPEATED * len(table)
        if numbered:
            notes.append(
                f"{repeated:,} rows have the {headers[id_column]!r} and {headers[time_column]!r} of another row: "
                "each row is taken as its own entity"
            )
        elif repeated:
            later = pl.col("reason").is_null() & ~again
            table = table.with_columns(
                reason=pl.when(later).then(pl.lit("id and time of an earlier row")).otherwise("reason")
            )
    kept = table.filter(pl.col("reason").is_null())
    aside = table.filter(pl.col("reason").is_not_null())
    keys = kept["row"].cast(pl.Int64) if numbered or id_column is None else _keys(kept[id_column])
    return Rows(
        (kept["row"] - 1).alias("position"),
        keys,
        kept["event"],
        dates,
        numbered,
        _as_written(aside, headers),
        tuple(notes),
    )


def _times(column: pl.Series, header: str) -> Dates:
    present = column.drop_nulls()
    dates = read_dates(present)
    if dates.values.count() == 0:
        raise OnboardingError(
            f"--time {header!r}: found {_examples(present)}; expected dates such as 2024-01-31, 31/01/2024, "
            "20240131, 2024-01, Jan-2024, with or without a time of day"
        )
    whole = pl.Series("event", [None] * len(column), dtype=dates.values.dtype)
    filled = whole.scatter(column.is_not_null().arg_true(), dates.values)
    return replace(dates, values=filled)


def _refuse_many(table: pl.DataFrame, headers: dict[str, str], time_column: str, id_column: str | None) -> None:
    unreadable = table.filter(pl.col("event").is_null())
    if unreadable.height > MOST_UNREADABLE * len(table):
        raise OnboardingError(
            f"--time {headers[time_column]!r}: {unreadable.height:,} of {len(table):,} rows have no readable time, "
            f"namely {_examples(unreadable[time_column])}; is it the right column?"
        )
    if id_column is None:
        return
    missing = table[id_column].null_count()
    if missing > MOST_UNREADABLE * len(table):
        raise OnboardingError(
            f"--id {headers[id_column]!r}: {missing:,} of {len(table):,} rows have none; "
            "leave --id out to number the rows instead"
        )


def _keys(column: pl.Series) -> pl.Series:
    """Whole numbers stay numbers; anything else, such as 00123, is text."""
    if column.dtype.is_integer() or column.dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        if whole.null_count() == 0 and bool((whole.cast(pl.Float64) == column.cast(pl.Float64)).all()):
            return whole
    text = column.cast(pl.String).str.strip_chars()
    plain = bool(text.str.contains(r"^-?(0|[1-9]\d{0,17})$").all())
    return text.cast(pl.Int64) if plain else text


def _as_written(rows: pl.DataFrame, headers: dict[str, str]) -> pl.DataFrame:
    # Headers may be empty, or stand twice.
    named = {column: header or column for column, header in headers.items()}
    twice = {name for name, times in Counter(named.values()).items() if times > 1}
    columns = [
        pl.col(column).cast(pl.String).alias(f"{name} ({column})" if name in twice else name)
        for column, name in named.items()
    ]
    written = pl.struct(columns).struct.json_encode()
    return rows.select(pl.col("row").cast(pl.Int64), "reason", written.alias("original"))


def _examples(column: pl.Series) -> str:
    """The shapes of the first values: a person's date of birth, or a name, is not for a message."""
    shapes = column.drop_nulls().cast(pl.String).str.replace_all(r"\d", "9").str.replace_all(r"\p{L}", "a")
    found = shapes.unique(maintain_order=True).head(3).to_list()
    return f"values shaped as {', '.join(map(repr, found))}" if found else "nothing"
