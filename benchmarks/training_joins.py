"""Observations, files of features, and every way to make a training set of them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float32, Int64

from benchmarks.scale_tables import CREATED, EVENT, KEY, Shape, feature_chunks, feature_names, observations, write_file
from benchmarks.turns import Way

OURS, DUCKDB, POLARS = "ours", "bare DuckDB ASOF", "bare Polars join_asof"
FEAST_DUCKDB, FEAST_FILE = "Feast's DuckDB store", "Feast's file store (Dask)"
FEATURES, MONTHS = 40, 6
MEMORY_GIB = 10
"""What DuckDB may use before it spills."""
STORES = {
    OURS: {"type": "features.store.offline.PointInTimeOfflineStore"},
    FEAST_DUCKDB: {"type": "duckdb"},
    FEAST_FILE: {"type": "file"},
}


class Contest:
    """Observations, the files of one or more views, and every way to join them."""

    def __init__(self, folder: Path, rows: int, views: int) -> None:
        self._folder, self._rows = folder, rows
        names = feature_names(FEATURES)
        self._views = {f"v{place}": names[place::views] for place in range(views)}
        self._asked = folder / "observations.parquet"

    def write(self) -> None:
        """Make the files."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for place, (view, names) in enumerate(self._views.items()):
            shape = Shape(self._rows, MONTHS, len(names), missing=0.1, seed=place)
            write_file(feature_chunks(shape, names), self._folder / f"{view}.parquet")
        observations(Shape(self._rows, MONTHS), self._rows).write_parquet(self._asked)

    def ways(self) -> dict[str, Way]:
        """Each gives the answer as an Arrow table, or a frame of pandas where that is a store's own form."""
        asked = pd.read_parquet(self._asked)
        joins = {name: self._by_feast(name, asked) for name in STORES}
        return {DUCKDB: self._duckdb, POLARS: self._polars, **joins}

    def _by_feast(self, name: str, asked: pd.DataFrame) -> Way:
        store = self._store(name)
        refs = [f"{view}:{feature}" for view, names in self._views.items() for feature in names]

        def join() -> pa.Table | pd.DataFrame:
            job = store.get_historical_features(asked, refs, filter_by_created_timestamp=True)
            return job.to_df() if name == FEAST_FILE else job.to_arrow()

        return join

    def _duckdb(self) -> pa.Table:
        known = f"SELECT *, greatest({EVENT}, {CREATED}) AS known FROM"
        joins = [
            f"ASOF LEFT JOIN ({known} '{self._folder / view}.parquet') {view} "
            f"ON o.{KEY} = {view}.{KEY} AND o.{EVENT} >= {view}.known"
            for view in self._views
        ]
        columns = ", ".join(f"{view}.{name}" for view, names in self._views.items() for name in names)
        with duckdb.connect(config={"memory_limit": f"{MEMORY_GIB}GiB", "temp_directory": str(self._folder)}) as bare:
            bare.sql("SET TimeZone = 'UTC'")
            query = f"SELECT o.{KEY}, o.{EVENT}, {columns} FROM '{self._asked}' o {' '.join(joins)}"
            return bare.sql(query).to_arrow_table()

    def _polars(self) -> pa.Table:
        joined = pl.read_parquet(self._asked).sort(EVENT)
        for view in self._views:
            rows = pl.read_parquet(self._folder / f"{view}.parquet").with_columns(
                known=pl.max_horizontal(EVENT, CREATED)
            )
            rows = rows.drop(EVENT, CREATED).sort("known")
            options: dict[str, Any] = {"by": KEY, "check_sortedness": False, "coalesce": True}
            joined = joined.join_asof(rows, left_on=EVENT, right_on="known", **options).drop("known", strict=False)
        return joined.to_arrow()

    def _store(self, name: str) -> FeatureStore:
        customer = Entity(name="customer", join_keys=[KEY], value_type=ValueType.INT64)
        views = [
            FeatureView(
                name=view,
                entities=[customer],
                schema=[Field(name=KEY, dtype=Int64), *(Field(name=one, dtype=Float32) for one in names)],
                source=FileSource(
                    path=str(self._folder / f"{view}.parquet"),
                    timestamp_field=EVENT,
                    created_timestamp_column=CREATED,
                ),
                ttl=timedelta(days=400),
            )
            for view, names in self._views.items()
        ]
        config = RepoConfig(
            project="bench",
            registry=str(self._folder / f"{len(name)}.db"),
            provider="local",
            offline_store=STORES[name],
            online_store={"type": "sqlite", "path": str(self._folder / "online.db")},
            entity_key_serialization_version=3,
        )
        store = FeatureStore(config=config)
        store.apply([customer, *views])
        return store


def answer(found: pa.Table | pd.DataFrame) -> pl.DataFrame:
    """An answer as one can be compared with another: same order, types and names."""
    frame = pl.from_pandas(found) if isinstance(found, pd.DataFrame) else pl.DataFrame(pl.from_arrow(found))
    names = [KEY, EVENT, *feature_names(FEATURES)]
    frame = frame.with_columns(pl.col(EVENT).cast(pl.Datetime("us", "UTC")), pl.selectors.float().fill_nan(None))
    return frame.select(names).sort(KEY, EVENT)


def differ(name: str, found: pl.DataFrame, expected: pl.DataFrame) -> int:
    """How many observations `found` has lost; raises when a row of it is another than expected.

    Feast's file store loses those that meet only rows of later, or too old.
    """
    here = expected.join(found, on=[KEY, EVENT], how="semi", maintain_order="left") if name == FEAST_FILE else expected
    if not here.equals(found):
        raise AssertionError(f"{name}: other rows than expected")
    return expected.height - found.height


def sums(found: pa.Table) -> dict[str, list[float]]:
    """Of each feature how many are missing, and a sum weighted by customer and time: the same in any order of rows."""
    frame = pl.DataFrame(pl.from_arrow(found))
    weight = (pl.col(KEY) * 31 + pl.col(EVENT).dt.epoch("s")) % 1009
    asked = {
        name: frame.select(pl.col(name).null_count(), pl.col(name).cast(pl.Float64).dot(weight).alias("sum"))
        for name in feature_names(FEATURES)
    }
    return {name: [float(value) for value in sum_.row(0)] for name, sum_ in asked.items()}
