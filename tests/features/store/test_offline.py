"""The offline store gives the rows that Feast's own stores give, through `get_historical_features`."""

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from feast import Field, FileSource, OnDemandFeatureView, RepoConfig
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.transformation.pandas_transformation import PandasTransformation
from feast.types import Float64
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from features.store.offline import PointInTimeOfflineStore
from features.store.sources import OfflineStoreError, found_at
from tests.features.store.elsewhere import worked_on
from tests.features.store.three_views import AT_ONCE, World, at, observations


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("offline"))


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
    if known:
        before = worked_on["parts"]
        assert world.ask("ours, in parts", observations(asked), **more) == ours
        assert worked_on["parts"] > before or len(asked) <= AT_ONCE
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


@pytest.mark.parametrize("unit", ["ns", "us"])
def test_a_training_set_that_was_kept_is_read_back_by_feast(world: World, tmp_path: Path, unit: str) -> None:
    """Nanoseconds are what pandas has; with a zone DuckDB cannot compare them."""
    world.put([(1, 1, 0)], [(1, "a", 1)], [("x", 1, 0)])
    asked = observations([(1, "a", "x", 2), (2, "a", "x", 3)])
    asked["event_timestamp"] = asked["event_timestamp"].astype(f"datetime64[{unit}, UTC]")
    store, kept = world.stores["ours"], SavedDatasetFileStorage(path=str(tmp_path / "kept.parquet"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # saved datasets are experimental to Feast, and ibis calls what DuckDB renamed
        job = store.get_historical_features(asked, world.service)
        found = store.create_saved_dataset(job, f"kept_{unit}", kept).to_df()
    assert pl.read_parquet_schema(tmp_path / "kept.parquet")["event_timestamp"] == pl.Datetime("us", "UTC")
    found = found.sort_values("customer_id")
    assert found["amount"].fillna(-1).tolist() == [0.0, -1.0]
    assert pd.to_datetime(found["event_timestamp"], utc=True).tolist() == asked["event_timestamp"].tolist()


@pytest.mark.parametrize("unit", ["ns", "us"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", None])
def test_rows_that_pandas_wrote_are_read_to_go_online(tmp_path: Path, unit: str, zone: str | None) -> None:
    written = pd.DataFrame({"customer_id": [1, 1, 2], "amount": [1.0, 2.0, 3.0]})
    written["at"] = pd.Series([at(1), at(2), at(9)]).dt.as_unit(unit).dt.tz_convert(zone)
    written.to_parquet(tmp_path / "rows.parquet")
    source = FileSource(path=str(tmp_path / "rows.parquet"), timestamp_field="at")
    asked = {"join_key_columns": ["customer_id"], "feature_name_columns": ["amount"], "timestamp_field": "at"}
    store = {"offline_store": {"type": "features.store.offline.PointInTimeOfflineStore"}}
    config = RepoConfig(project="p", registry=str(tmp_path / "r.db"), provider="local", **store)
    between = {"created_timestamp_column": None, "start_date": at(0), "end_date": at(5)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        newest = PointInTimeOfflineStore.pull_latest_from_table_or_query(config, source, **asked, **between).to_arrow()
        every = PointInTimeOfflineStore.pull_all_from_table_or_query(config, source, **asked, **between).to_arrow()
    assert newest["amount"].to_pylist() == [2.0]
    assert every["amount"].to_pylist() == [1.0, 2.0]
    assert pd.to_datetime(newest["at"].to_pandas(), utc=True).tolist() == [at(2)]


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


@pytest.mark.filterwarnings("ignore:On demand feature view:RuntimeWarning")
def test_a_view_that_is_computed_on_demand_is_refused_by_name(world: World) -> None:
    def twice(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"twice": rows["amount"] * 2})

    doubled = OnDemandFeatureView(
        name="doubled",
        sources=[world.stats],
        schema=[Field(name="twice", dtype=Float64)],
        feature_transformation=PandasTransformation(udf=twice, udf_string="twice"),
    )
    store = world.stores["ours"]
    store.apply(doubled)
    world.put([(1, 1, 0)], [], [])
    asked = observations([(1, "a", "x", 2)])
    with pytest.raises(
        OfflineStoreError, match=r"found on-demand feature views \['doubled'\], expected views of stored"
    ):
        store.get_historical_features(asked, ["stats:amount", "doubled:twice"]).to_df()
    assert store.get_historical_features(asked, ["stats:amount"]).to_df()["amount"].tolist() == [0.0]


@pytest.mark.parametrize("name", ["1.pq", "part-0", "1.csv"])
def test_a_folder_with_data_that_would_be_passed_over_is_refused(tmp_path: Path, name: str) -> None:
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / "0.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "README.txt").write_text("what is here")
    assert found_at("stats", str(tmp_path)) == [tmp_path / "0.parquet"]
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / name)
    with pytest.raises(OfflineStoreError, match=rf"view 'stats': found .*{name}, expected Parquet files called \*"):
        found_at("stats", str(tmp_path))
