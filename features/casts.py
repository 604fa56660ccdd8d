"""Text to canonical types, leniently: what cannot be read becomes null, and the contract says why."""

import polars as pl

from features.spec import ColumnType

TYPES: dict[ColumnType, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "category": pl.String(),
    "string": pl.String(),
    "timestamp": pl.Datetime("us", "UTC"),
}

# How files write "no value". In text and categories only the empty string: NA may be a name there.
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>")

_TRUTH = {"true": True, "t": True, "yes": True, "y": True, "1": True, "1.0": True}
_TRUTH |= {"false": False, "f": False, "no": False, "n": False, "0": False, "0.0": False}
_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d")


def is_missing(name: str, type: ColumnType, given: pl.DataType) -> pl.Expr:
    """Whether the raw column holds no value."""
    raw = pl.col(name)
    if given == pl.String:
        text = raw.str.strip_chars()
        return raw.is_null() | ((text == "") if type in ("category", "string") else text.is_in(MISSING))
    return raw.is_null() | raw.is_nan() if given.is_float() else raw.is_null()


def cast(name: str, type: ColumnType, given: pl.DataType) -> pl.Expr:
    """The raw column of Polars type `given` as the canonical `type`; null where it cannot be read or is missing."""
    value = pl.when(~is_missing(name, type, given)).then(pl.col(name))
    if type == "timestamp":
        return _timestamp(value, given)
    if type in ("category", "string"):
        return _text(value, given)
    text = value if given == pl.String else value.cast(pl.String)
    if type == "bool":
        return text.str.strip_chars().str.to_lowercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    return _integer(value, given) if type == "int" else _finite(value, given)


def _text(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    # 2.0 is the category 2: CSV readers turn whole numbers with gaps into floats.
    whole = value.cast(pl.Int64, strict=False) if given.is_float() else value
    text = whole.cast(pl.String).str.strip_chars()
    return pl.coalesce(text, value.cast(pl.String)) if given.is_float() else text


def _finite(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    text = value.str.strip_chars() if given == pl.String else value
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _integer(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    if given.is_integer():
        return value.cast(pl.Int64, strict=False)
    exact = value.str.strip_chars().cast(pl.Int64, strict=False) if given == pl.String else None
    number = _finite(value, given)
    whole = pl.when(number == number.round()).then(number).cast(pl.Int64, strict=False)
    return whole if exact is None else pl.coalesce(exact, whole)


def _timestamp(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    if isinstance(given, pl.Datetime):
        time = value if given.time_zone else value.dt.replace_time_zone("UTC")
        return time.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if given == pl.Date:
        return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    text = value.cast(pl.String).str.strip_chars().str.replace("T", " ", literal=True).str.replace("Z$", "+00:00")
    zoned = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False)
    plain = [text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _TIMES[:2]]
    days = [
        text.str.to_date(form, strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC") for form in _TIMES[2:]
    ]
    return pl.coalesce(zoned, *plain, *days)
