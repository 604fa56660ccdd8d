"""Contracts: what a canonical table must hold. Good rows are kept, typed; bad ones are quarantined, with reasons."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from features.casts import TYPES, cast, is_missing
from features.spec import CREATED, EVENT, Column, ColumnType, FeatureSpec

_ROW = "__row"
_MISSING = "__missing "  # prefix of the helper columns that say whether the raw value was there
_LONGEST = 60  # characters of a found value that a reason shows

# `row` counts the raw rows from 1; `rules` are the reasons without the values; `original` is the raw row as JSON.
QUARANTINE: dict[str, pl.DataType] = {
    "table": pl.String(),
    "row": pl.Int64(),
    "rules": pl.String(),
    "reason": pl.String(),
    CREATED: TYPES["timestamp"],
    "original": pl.String(),
}


class ContractError(ValueError):
    """A raw table cannot be checked at all; the message says which columns are missing."""


@dataclass(frozen=True)
class Checked:
    """A raw table after its contract: rows kept, typed and sorted, and rows quarantined. Together they are all rows."""

    kept: pl.DataFrame
    quarantined: pl.DataFrame

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return self.kept.height + self.quarantined.height


def check_table(spec: FeatureSpec, table: str, raw: pl.DataFrame) -> Checked:
    """Check every row of `raw` against the contract of `table`; columns that it does not list are left out."""
    columns = _columns(spec, table)
    if missing := sorted(set(columns) - set(raw.columns)):
        raise ContractError(
            f"table {table!r}: columns {missing} are missing; found {sorted(raw.columns)}; "
            "was the header of the raw file changed? Name the columns in it, in tables.py or in features.yaml alike"
        )
    raw = raw.select(list(columns))
    typed = _typed(raw, columns)
    failures = _failures(typed, _row_schema(columns))
    if spec.tables[table].unique:
        sound = typed.filter(~pl.col(_ROW).is_in(failures["row"].implode()))
        failures = pl.concat([failures, _renumbered(_failures(sound, _unique_schema(spec.entity.key)), sound)])
    kept = typed.filter(~pl.col(_ROW).is_in(failures["row"].implode())).select(list(columns))
    order = [spec.entity.key, EVENT, CREATED]
    checked = Checked(kept.sort(order, maintain_order=True), _quarantine(table, raw, typed, failures))
    if checked.rows != raw.height:
        raise ContractError(f"table {table!r}: {raw.height} rows went in and {checked.rows} came out; a fault of ours")
    return checked


def _columns(spec: FeatureSpec, table: str) -> dict[str, Column]:
    time = Column(type="timestamp", meaning="a time (UTC)", uses=())
    key = Column(type=spec.entity.type, meaning=spec.entity.meaning, uses=())
    return {spec.entity.key: key, EVENT: time, CREATED: time} | spec.tables[table].columns


def _typed(raw: pl.DataFrame, columns: dict[str, Column]) -> pl.DataFrame:
    values = [cast(name, column.type, raw.schema[name]).alias(name) for name, column in columns.items()]
    absent = [
        is_missing(name, column.type, raw.schema[name]).alias(_MISSING + name) for name, column in columns.items()
    ]
    return raw.select(*values, *absent).with_row_index(_ROW).with_columns(pl.col(_ROW).cast(pl.Int64))


def _row_schema(columns: dict[str, Column]) -> Any:
    import pandera.polars as pa

    fields = {
        name: pa.Column(TYPES[column.type], nullable=True, checks=[*_column_checks(column, pa)])
        for name, column in columns.items()
    }
    created = pa.Check(lambda data: data.lazyframe.select(pl.col(CREATED) >= pl.col(EVENT)), error=f"before {EVENT}")
    fields[CREATED].checks.append(created)
    return pa.DataFrameSchema(fields)


def _column_checks(column: Column, pa: Any) -> Iterator[Any]:
    def readable(data: Any) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_not_null() | pl.col(_MISSING + data.key))  # type: ignore[no-any-return]

    def present(data: Any) -> pl.LazyFrame:
        return data.lazyframe.select(~pl.col(_MISSING + data.key))  # type: ignore[no-any-return]

    if column.type not in ("category", "string"):
        yield pa.Check(readable, error=f"not {_with_article(column.type)}")
    if not column.nullable:
        yield pa.Check(present, error="missing")
    if column.range is not None:
        low, high = column.range
        if low is not None:
            yield pa.Check.ge(low, error=f"below {low:g}")
        if high is not None:
            yield pa.Check.le(high, error=f"above {high:g}")
    if column.categories is not None:
        yield pa.Check.isin([str(name) for name in column.categories], error="not a known category")


def _with_article(type: ColumnType) -> str:
    return f"an {type}" if type == "int" else f"a {type}"


def _unique_schema(key: str) -> Any:
    import pandera.polars as pa

    def first(data: Any) -> pl.LazyFrame:
        return data.lazyframe.select(pl.struct(key, EVENT, CREATED).is_first_distinct())  # type: ignore[no-any-return]

    rule = f"the same {key}, {EVENT} and {CREATED} as an earlier row"
    return pa.DataFrameSchema({key: pa.Column(nullable=True, checks=[pa.Check(first, error=rule)])})


def _failures(typed: pl.DataFrame, schema: Any) -> pl.DataFrame:
    """A line for each rule that a row breaks: row, column, rule."""
    from pandera.errors import SchemaErrors

    try:
        schema.validate(typed, lazy=True)
    except SchemaErrors as errors:
        found: pl.DataFrame = errors.failure_cases
        if found["index"].null_count():
            raise ContractError(
                f"the contract itself fails: {found.filter(pl.col('index').is_null()).rows()}"
            ) from None
        return found.select(pl.col("index").cast(pl.Int64).alias("row"), "column", pl.col("check").alias("rule"))
    return pl.DataFrame(schema={"row": pl.Int64, "column": pl.String, "rule": pl.String})


def _renumbered(failures: pl.DataFrame, sound: pl.DataFrame) -> pl.DataFrame:
    return failures.with_columns(row=sound[_ROW].gather(failures["row"]))


def _quarantine(table: str, raw: pl.DataFrame, typed: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
    if failures.is_empty():
        return pl.DataFrame(schema=QUARANTINE)
    rule = pl.format("{}: {}", "column", "rule")
    told = failures.with_columns(found=_found(raw, failures)).with_columns(rule=rule)
    reason = pl.when(pl.col("found").is_null()).then("rule").otherwise(pl.format("{}: '{}'", "rule", "found"))
    rows = told.group_by("row").agg(pl.col("rule").str.join("; ").alias("rules"), reason.str.join("; ").alias("reason"))
    rows = rows.sort("row")
    original = raw[rows["row"]].select(pl.struct(pl.all().cast(pl.String)).struct.json_encode()).to_series()
    rows = rows.with_columns(
        pl.lit(table).alias("table"),
        pl.Series(CREATED, typed[CREATED].gather(rows["row"])),
        pl.Series("original", original),
        row=pl.col("row") + 1,
    )
    return rows.select(list(QUARANTINE))


def _found(raw: pl.DataFrame, failures: pl.DataFrame) -> pl.Series:
    """The value as it was found, as text, for each line of `failures`; null where nothing was."""
    placed = failures.select("row", "column").with_row_index("line")
    parts = [
        part.select("line", found=raw[str(column)].gather(part["row"]).cast(pl.String).str.slice(0, _LONGEST))
        for (column,), part in placed.group_by("column")
    ]
    return pl.concat(parts).sort("line")["found"]
