"""What can be wrong with features that parse: a use that is forbidden, or a transform that sees what it must not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from features.build import compute
from features.casts import TYPES
from features.definitions import define_view
from features.documents import DocumentError, Key, place
from features.permitted import ForbiddenUse, select
from features.portfolio import Portfolio
from features.spec import CREATED, EVENT, Column, ColumnType, FeatureSpec
from features.transforms.registry import Reach

ENTITIES, TIMES = 4, 9


@dataclass(frozen=True)
class _Trial:
    """A part of the made-up rows whose features must be the same as among all rows, for transforms of these reaches."""

    fault: str
    rows: pl.DataFrame
    reaches: tuple[Reach, ...]


def check_spec(portfolio: Portfolio) -> None:
    """Raise `DocumentError`, a line for each fault, unless every service and every transform keeps the rules.

    Transforms are tried on made-up rows: a feature must not change when rows come that are later, or of other
    entities (unless it reaches the whole table), or of the same instant.
    """
    spec = portfolio.features
    file = portfolio.folder / "features.yaml"
    faults = [f"{place(file, key)}: {problem}" for key, problem in (*_forbidden(spec), *_leaking(spec))]
    if faults:
        raise DocumentError("\n".join(faults))


def _forbidden(spec: FeatureSpec) -> Iterator[tuple[Key, str]]:
    for service in spec.services:
        try:
            select(spec, service)
        except ForbiddenUse as error:
            yield ("services", service), str(error)


def _leaking(spec: FeatureSpec) -> Iterator[tuple[Key, str]]:
    for view, content in spec.views.items():
        rows = made_up_rows(spec, content.table)
        try:
            whole = compute(spec, view, rows)
            found = {name: trial.fault for trial in _trials(spec, rows) for name in _changed(spec, view, whole, trial)}
        except pl.exceptions.PolarsError as error:
            yield ("views", view), f"cannot be computed: {error}"
            continue
        for name, fault in found.items():
            yield ("views", view, "features", name), f"transform {content.features[name].transform!r} {fault}"


def _trials(spec: FeatureSpec, rows: pl.DataFrame) -> Iterator[_Trial]:
    one = pl.col(spec.entity.key) == rows[spec.entity.key][0]
    yield _Trial("reads other rows: it must declare reach='entity'", rows.filter(one).tail(1), ("row",))
    yield _Trial("reads other entities: it must declare reach='table'", rows.filter(one), ("row", "entity"))
    for time in rows[EVENT].unique().sort()[[0, TIMES // 2, TIMES - 2]]:
        earlier, now = pl.col(EVENT) < time, pl.col(EVENT) == time
        yield _Trial("reads other rows of the same instant", rows.filter(earlier | (now & one)), ("table",))
        yield _Trial("reads later rows", rows.filter(earlier | now), ("row", "entity", "table"))


def _changed(spec: FeatureSpec, view: str, whole: pl.DataFrame, trial: _Trial) -> list[str]:
    judged = {one.name for one in define_view(spec, view) if one.transform.reach in trial.reaches}
    if not judged:
        return []
    key, content = spec.entity.key, spec.views[view]
    features = {name: feature for name, feature in content.features.items() if name in judged}
    alone = spec.model_copy(update={"views": {view: content.model_copy(update={"features": features})}})
    part = compute(alone, view, trial.rows)
    same = whole.join(part.select(key, EVENT), on=[key, EVENT], how="semi", maintain_order="left")
    return [name for name in features if not _alike(same[name], part[name])]


def _alike(left: pl.Series, right: pl.Series) -> bool:
    if left.dtype != pl.Float64:
        return left.equals(right)
    return bool(np.allclose(left.to_numpy(), right.to_numpy(), rtol=1e-9, atol=1e-9, equal_nan=True))


def made_up_rows(spec: FeatureSpec, table: str) -> pl.DataFrame:
    """Rows that keep the contract: a few entities with a row a month each; a tenth of nullable values is missing."""
    rng = np.random.default_rng(0)
    size = ENTITIES * TIMES
    start = datetime(2020, 1, 31, tzinfo=UTC)
    times = [start + timedelta(days=31 * place) for place in range(TIMES)]
    keys = pl.Series(np.repeat(np.arange(ENTITIES), TIMES)).cast(
        TYPES["int" if spec.entity.type == "int" else "string"]
    )
    rows = pl.DataFrame({spec.entity.key: keys, EVENT: pl.Series(times * ENTITIES, dtype=TYPES["timestamp"])})
    values = {name: _values(column, size, rng) for name, column in spec.tables[table].columns.items()}
    return rows.with_columns(pl.col(EVENT).alias(CREATED), **values)


def _values(column: Column, size: int, rng: np.random.Generator) -> pl.Series:
    low, high = column.range or (None, None)
    low = low if low is not None else min(-50.0, high or 0.0)
    numbers = rng.uniform(low, high if high is not None else max(50.0, low + 50.0), size)
    names = [str(name) for name in column.categories or ("a", "b", "c")]
    made: dict[ColumnType, Sequence[object]] = {
        "int": numbers.round().astype(int).tolist(),
        "float": numbers.tolist(),
        "bool": (rng.random(size) < 0.5).tolist(),
        "category": rng.choice(names, size).tolist(),
        "string": rng.choice(names, size).tolist(),
        "timestamp": [
            datetime(2019, 1, 1, tzinfo=UTC) + timedelta(days=int(day)) for day in rng.integers(0, 365, size)
        ],
    }
    gaps = rng.random(size) < (0.1 if column.nullable else 0.0)
    kept = [None if gap else value for gap, value in zip(gaps, made[column.type], strict=True)]
    return pl.Series(kept, dtype=TYPES[column.type])
