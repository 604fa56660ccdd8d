"""Three views in files, the same in Feast's offline stores and in ours, and observations to be joined with them."""

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64, Int64, String

from tests.features.store.elsewhere import ELSEWHERE

START = datetime(2024, 1, 1, tzinfo=UTC)
KEYS = ["customer_id", "shop", "origin"]
FEATURES = ["amount", "note", "visits", "paid_late", "rate"]
OURS = "features.store.offline.PointInTimeOfflineStore"
AT_ONCE = 3
STORES = {
    "ours": {"type": OURS},
    "ours, unless asked": {"type": OURS, "known_only": False},
    "ours, in parts": {"type": OURS, "each": ELSEWHERE, "observations_at_once": AT_ONCE},
    "Feast's file store": {"type": "file"},
    "Feast's DuckDB store": {"type": "duckdb"},
}


class World:
    """The same three views in each store: own names of times, mapped names, two keys, and a key by another name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)
        shop = Entity(name="shop", join_keys=["shop"], value_type=ValueType.STRING)
        region = Entity(name="region", join_keys=["region"], value_type=ValueType.STRING)
        self.stats = FeatureView(
            name="stats",
            entities=[customer],
            ttl=timedelta(hours=5),
            schema=[
                Field(name="customer_id", dtype=Int64),
                Field(name="amount", dtype=Float64),
                Field(name="note", dtype=String),
            ],
            source=self.source("stats", timestamp_field="event_timestamp", created_timestamp_column="created"),
        )
        self.visits = FeatureView(
            name="visits",
            entities=[customer, shop],
            ttl=timedelta(0),
            schema=[
                Field(name="customer_id", dtype=Int64),
                Field(name="shop", dtype=String),
                Field(name="visits", dtype=Int64),
                Field(name="paid_late", dtype=Int64),
            ],
            source=self.source("visits", timestamp_field="happened", field_mapping={"Paid Late": "paid_late"}),
        )
        self.rates = FeatureView(
            name="rates",
            entities=[region],
            schema=[Field(name="region", dtype=String), Field(name="rate", dtype=Float64)],
            source=self.source("rates", timestamp_field="at", created_timestamp_column="created"),
        )
        origin = self.rates.with_name("of_origin").with_join_key_map({"region": "origin"})
        self.service = FeatureService(name="all", features=[self.stats, self.visits, origin])
        self.stores = {name: self.store(name, kind) for name, kind in STORES.items()}
        entities = [customer, shop, region]
        self.put([], [], [])
        for store in self.stores.values():
            store.apply([*entities, self.stats, self.visits, self.rates, self.service])

    def source(self, name: str, **more: Any) -> FileSource:
        return FileSource(name=name, path=str(self.folder / f"{name}.parquet"), **more)

    def store(self, name: str, kind: dict[str, Any]) -> FeatureStore:
        config = RepoConfig(
            project="shop",
            registry=str(self.folder / f"{len(name)}.db"),
            provider="local",
            offline_store=kind,
            online_store={"type": "features.store.sqlite.RowSqliteOnlineStore", "path": str(self.folder / "online.db")},
            entity_key_serialization_version=3,
        )
        return FeatureStore(config=config)

    def put(self, stats: list[Any], visits: list[Any], rates: list[Any]) -> None:
        """Write the rows of each view; the numbers of the rows are their values."""
        time = pl.Datetime("us", "UTC")
        made = {"customer_id": pl.Int64, "event_timestamp": time, "created": time, "amount": pl.Float64}
        frame = pl.DataFrame(
            [(key, at(e), at(e + c), None if n % 5 == 4 else float(n)) for n, (key, e, c) in enumerate(stats)],
            schema=made,
            orient="row",
        )
        self.write("stats", frame.with_columns(note=pl.format("n{}", pl.int_range(pl.len()))))
        # Without a zone, and to the nanosecond, as pandas writes them.
        naive = {"customer_id": pl.Int64, "shop": pl.String, "happened": pl.Datetime("ns"), "visits": pl.Int64}
        found = [(key, shop, at(e).replace(tzinfo=None), n) for n, (key, shop, e) in enumerate(visits)]
        frame = pl.DataFrame(found, schema=naive, orient="row")
        self.write("visits", frame.with_columns((pl.col("visits") * 7).alias("Paid Late")))
        found = [(region, at(e), at(e + c), float(n)) for n, (region, e, c) in enumerate(rates)]
        self.write(
            "rates",
            pl.DataFrame(
                found, schema={"region": pl.String, "at": time, "created": time, "rate": pl.Float64}, orient="row"
            ),
        )

    def put_more(self, stats: list[Any], visits: list[Any], rates: list[Any], asked: list[Any]) -> list[Any]:
        """Write them with one row more in each view, and an observation more that meets these: without one Feast's
        own stores fail."""
        self.put([*stats, (6, 14, 0)], [*visits, (6, "a", 0)], [*rates, ("w", 14, 0)])
        return [*asked, (6, "a", "w", 14)]

    def write(self, name: str, frame: pl.DataFrame) -> None:
        frame.to_pandas().to_parquet(self.folder / f"{name}.parquet", index=False)

    def ask(self, name: str, asked: pd.DataFrame, **more: Any) -> dict[Any, tuple[Any, ...]]:
        """The features of each observation, by its keys and time."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Dask's and ibis' own
            job = self.stores[name].get_historical_features(asked.copy(), self.service, **more)
            table = pl.from_pandas(job.to_df())
        full = more.get("full_feature_names")
        names = [
            next(one for one in table.columns if one == name or (full and one.endswith(f"__{name}")))
            for name in FEATURES
        ]
        times = table["event_timestamp"].cast(pl.Datetime("us", "UTC")).to_list()
        keys = zip(*[table[key].to_list() for key in KEYS], times, strict=True)
        rows = table.select(
            pl.col(name).fill_nan(None) if table[name].dtype.is_float() else name for name in names
        ).rows()
        assert len(rows) == len(table)
        return dict(zip(keys, rows, strict=True))


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


def observations(rows: list[tuple[int, str | None, str | None, int]]) -> pd.DataFrame:
    return pd.DataFrame([(*keys, at(e)) for *keys, e in rows], columns=[*KEYS, "event_timestamp"])
