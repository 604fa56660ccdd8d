"""The offline store gives the rows that Feast's own stores give, through `get_historical_features`."""

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.types import Float64, Int64, String
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from features.store.offline import OfflineStoreError

START = datetime(2024, 1, 1, tzinfo=UTC)
KEYS = ["customer_id", "shop", "origin"]
FEATURES = ["amount", "note", "visits", "paid_late", "rate"]
OURS = "features.store.offline.PointInTimeOfflineStore"
STORES = {
    "ours": {"type": OURS},
    "ours, unless asked": {"type": OURS, "known_only": False},
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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("offline"))


def observations(rows: list[tuple[int, str | None, str | None, int]]) -> pd.DataFrame:
    return pd.DataFrame([(*keys, at(e)) for *keys, e in rows], columns=[*KEYS, "event_timestamp"])


customers, hours, later = st.integers(1, 5), st.integers(0, 14), st.sampled_from([0, 0, 0, 1, 2, 6])
shops, regions = st.none() | st.sampled_from("ab"), st.none() | st.sampled_from("xyz")


def some(*values: st.SearchStrategy[Any], **unlike: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.tuples(*values), min_size=5, max_size=30, **(unlike or {"unique": True}))


@given(
    some(customers, hours, later),
    some(customers, shops, hours),
    some(regions, hours, later),
    some(customers, shops, regions, hours),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_rows_are_those_of_feasts_duckdb_store(
    world: World, stats: list[Any], visits: list[Any], rates: list[Any], asked: list[Any], known: bool, full: bool
) -> None:
    """Ties of an event, rows out of order, TTL, missing keys on both sides, mapped names and keys."""
    asked = world.put_more(stats, visits, rates, asked)
    more = {"filter_by_created_timestamp": known, "full_feature_names": full}
    ours = world.ask("ours, unless asked", observations(asked), **more)
    assert len(ours) == len(asked)
    assert ours == world.ask("Feast's DuckDB store", observations(asked), **more)


@given(
    some(customers, hours, later, unique_by=lambda row: row[:2]),
    some(customers, st.sampled_from("ab"), hours),
    some(st.sampled_from("xyz"), hours, later, unique_by=lambda row: row[:2]),
    some(customers, shops, regions, hours, unique_by=lambda row: (row[0], row[3])),
    st.booleans(),
)
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_rows_are_those_of_feasts_file_store(
    world: World, stats: list[Any], visits: list[Any], rates: list[Any], asked: list[Any], known: bool
) -> None:
    """As far as it can be followed: it sorts ties in no order, joins missing keys with each other, and merges
    observations of one customer and time."""
    asked = world.put_more(stats, visits, rates, asked)
    ours = world.ask("ours, unless asked", observations(asked), filter_by_created_timestamp=known)
    theirs = world.ask("Feast's file store", observations(asked), filter_by_created_timestamp=known)
    assert theirs
    assert theirs.items() <= ours.items()
    # An observation that meets only rows too old, or of later, is lost to it: ours has it without values.
    lost = [ours[key] for key in ours.keys() - theirs.keys()]
    assert all(note is None or visits is None or rate is None for _, note, visits, _, rate in lost)


def test_what_was_known_counts_although_nobody_asks(world: World) -> None:
    world.put([(1, 2, 0), (1, 3, 6)], [(1, "a", 0)], [("x", 0, 0)])
    asked = observations([(1, "a", "x", 4), (1, "a", "x", 9)])
    assert [row[0] for row in world.ask("ours", asked).values()] == [0.0, None]
    assert [row[0] for row in world.ask("ours, unless asked", asked).values()] == [1.0, None]


def test_a_missing_key_meets_nothing_not_even_a_row_without_one(world: World) -> None:
    world.put([(1, 1, 0)], [(1, None, 1)], [(None, 1, 0)])
    asked = observations([(1, None, None, 2)])
    assert list(world.ask("ours", asked).values()) == [(0.0, "n0", None, None, None)]
    assert world.ask("ours", asked) == world.ask("Feast's DuckDB store", asked)


def test_observations_come_back_as_they_were_given(world: World) -> None:
    world.put([(1, 1, 0), (2, 1, 0)], [(1, "a", 1)], [("x", 1, 0)])
    asked = observations([(2, "a", "x", 3), (1, "a", "x", 3), (2, "a", "x", 3), (9, "b", "x", 0)])
    asked["label"] = [True, False, True, False]
    found = world.stores["ours"].get_historical_features(asked, world.service).to_df()
    pd.testing.assert_frame_equal(found[asked.columns], asked, check_dtype=False)
    assert found["amount"].fillna(-1).tolist() == [1.0, 0.0, 1.0, -1.0]


def test_keys_meet_by_value_and_not_by_type(world: World) -> None:
    world.put([(1, 1, 0), (2, 1, 0)], [(1, "a", 1)], [("x", 1, 0)])
    asked = observations([(1, "a", "x", 2), (2, "a", "x", 2)])
    asked["customer_id"] = [1.0, 1.5]  # what pandas makes of whole numbers, when one of them is missing
    found = world.stores["ours"].get_historical_features(asked, world.service).to_df()
    assert found["amount"].fillna(-1).tolist() == [0.0, -1.0]


def test_a_training_set_is_kept_where_feast_is_told_to(world: World, tmp_path: Path) -> None:
    world.put([(1, 1, 0)], [(1, "a", 1)], [("x", 1, 0)])
    job = world.stores["ours"].get_historical_features(observations([(1, "a", "x", 2)]), world.service)
    kept = SavedDatasetFileStorage(path=str(tmp_path / "kept.parquet"))
    job.persist(kept)
    assert pl.read_parquet(tmp_path / "kept.parquet")["amount"].to_list() == [0.0]
    with pytest.raises(Exception, match="already exists"):
        job.persist(kept)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda asked: asked.drop(columns="shop"), r"expected \['shop'\] too"),
        (lambda asked: asked.rename(columns={"label": "amount"}), r"found \['amount'\] more than once"),
        (lambda asked: "SELECT 1", "type str, expected a pandas DataFrame"),
    ],
)
def test_what_cannot_be_joined_is_told(world: World, change: Any, said: str) -> None:
    asked = observations([(1, "a", "x", 2)]).assign(label=1)
    with pytest.raises(OfflineStoreError, match=said):
        world.stores["ours"].get_historical_features(change(asked), world.service).to_df()
