"""Rows with a column of every type that Feast can write."""

from datetime import UTC, datetime

import polars as pl
from feast.types import (
    Array,
    Bool,
    Bytes,
    Decimal,
    Float32,
    Float64,
    ImageBytes,
    Int32,
    Int64,
    Json,
    Map,
    PdfBytes,
    Set,
    String,
    Struct,
    TimeUuid,
    UnixTimestamp,
    Uuid,
)

ID, OF_TIME = "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10", "c232ab00-9414-11ec-b3c8-9f68deced846"
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
TYPES = {
    "whole": Int64,
    "small": Int32,
    "real": Float64,
    "single": Float32,
    "text": String,
    "raw": Bytes,
    "flag": Bool,
    "when": UnixTimestamp,
    "vector": Array(Float32),
    "words": Array(String),
    "nothing": Float64,
    "reals": Array(Float64),
    "wholes": Array(Int64),
    "smalls": Array(Int32),
    "flags": Array(Bool),
    "raws": Array(Bytes),
    "moments": Array(UnixTimestamp),
    "nested": Array(Array(Int64)),
    "some_words": Set(String),
    "some_wholes": Set(Int64),
    "some_reals": Set(Float64),
    "some_flags": Set(Bool),
    "some_moments": Set(UnixTimestamp),
    "id": Uuid,
    "ids": Array(Uuid),
    "exact": Decimal,
    "exacts": Array(Decimal),
    "json": Json,
    "jsons": Array(Json),
    "mapped": Map,
    "shaped": Struct({"a": Float64, "b": String}),
    "file": PdfBytes,
    "image": ImageBytes,
    "of_time": TimeUuid,
    "some_of_time": Set(TimeUuid),
    "all_of_time": Array(TimeUuid),
    "some_smalls": Set(Int32),
    "some_singles": Set(Float32),
    "some_raws": Set(Bytes),
    "some_ids": Set(Uuid),
    "some_exacts": Set(Decimal),
    "maps": Array(Map),
    "shapes": Array(Struct({"a": Float64})),
    "sets": Set(Array(Int64)),
    "lists_of_sets": Array(Set(Int64)),
}
"""Every type that Feast can write from a column; the wire test holds each one to Feast's bytes."""


def rows(count: int, at: datetime, *, real: float = 0.5, created: datetime | None = None) -> pl.DataFrame:
    """Rows of every type, every third value missing, of customers 0, 1, 2 …"""
    gap = pl.int_range(count) % 3 == 1
    values = {
        "whole": pl.int_range(count) * 10**12,
        "small": pl.int_range(count).cast(pl.Int32) - 2,
        "real": pl.int_range(count) * real,
        "single": (pl.int_range(count) / 7).cast(pl.Float32),
        "text": pl.when(pl.int_range(count) % 4 == 0)
        .then(pl.lit(""))
        .otherwise(pl.format("地区 {}", pl.int_range(count))),
        "raw": pl.int_range(count).cast(pl.String).cast(pl.Binary) + pl.lit(b"\\x00"),
        "flag": pl.int_range(count) % 2 == 0,
        "when": pl.lit(FIRST) - pl.duration(days=pl.int_range(count)),
        "vector": pl.concat_list(pl.lit(0.5, dtype=pl.Float32), pl.int_range(count).cast(pl.Float32)),
        "words": pl.concat_list(pl.lit("a"), pl.int_range(count).cast(pl.String)),
        **others(pl.int_range(count)),
    }
    return pl.select(
        customer_id=pl.int_range(count),
        **{name: pl.when(~gap).then(value) for name, value in values.items()},
        event_timestamp=pl.lit(at),
        created=pl.lit(created or at),
    )


def others(number: pl.Expr) -> dict[str, pl.Expr]:
    """Values of the other types, by the number of the row; every fourth list and text is empty."""
    word, moment = number.cast(pl.String), pl.lit(FIRST) - pl.duration(days=number)
    exact, json = (number / 4).cast(pl.Decimal(12, 2)), pl.concat_str(pl.lit('{"a": '), word, pl.lit("}"))
    lists = {
        "reals": number / 7,
        "wholes": number * 10**12,
        "smalls": number.cast(pl.Int32),
        "flags": number % 2 == 0,
        "raws": word.cast(pl.Binary),
        "moments": moment,
        "some_words": word,
        "some_wholes": number * 10**12,
        "some_reals": number / 7,
        "some_flags": number % 2 == 0,
        "some_moments": moment,
        "ids": pl.lit(ID),
        "exacts": exact,
        "jsons": json,
        "some_of_time": pl.lit(OF_TIME),
        "all_of_time": pl.lit(OF_TIME),
        "some_smalls": number.cast(pl.Int32),
        "some_singles": (number / 7).cast(pl.Float32),
        "some_raws": word.cast(pl.Binary),
        "some_ids": pl.lit(ID),
        "some_exacts": exact,
        "shapes": pl.struct(a=number / 7),
    }
    return {
        **{
            name: pl.concat_list(value).list.head(pl.when(number % 4 == 0).then(0).otherwise(1))
            for name, value in lists.items()
        },
        "nothing": pl.lit(None, pl.Float64),
        "nested": pl.concat_list(number, number + 1).list.eval(pl.element().implode()),
        "id": pl.lit(ID),
        "exact": exact,
        "json": json,
        "mapped": json,
        "shaped": pl.struct(a=number / 7, b=word),
        "file": word.cast(pl.Binary),
        "image": word.cast(pl.Binary),
        "of_time": pl.lit(OF_TIME),
        "maps": pl.concat_str(pl.lit("["), json, pl.lit("]")),
        "sets": pl.concat_list(number, number + 1).list.eval(pl.element().implode()),
        "lists_of_sets": pl.concat_list(number, number).list.eval(pl.element().implode()),
    }
