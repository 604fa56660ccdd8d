"""Feast's DuckDB offline store with a point-in-time join that cannot see what was not known yet."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureView, RepoConfig
from feast.data_source import DataSource
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.duckdb import (
    DuckDBOfflineStore,
    DuckDBOfflineStoreConfig,
    _read_data_source,
    _write_data_source,
)
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.offline_stores.ibis import (
    pull_all_from_table_or_query_ibis,
    pull_latest_from_table_or_query_ibis,
)
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import SavedDatasetStorage
from feast.utils import _get_requested_feature_views_to_features_dict
from pydantic import ImportString, PositiveInt

from features.store.asof import FeatureFiles
from features.store.joins import Join
from features.store.sources import OfflineStoreError, files_of

_TIME = "_time"


class PointInTimeOfflineStoreConfig(DuckDBOfflineStoreConfig):
    """How the store joins."""

    type: Literal["features.store.offline.PointInTimeOfflineStore"] = "features.store.offline.PointInTimeOfflineStore"
    known_only: bool = True
    """A row counts from its created timestamp on, also where a caller does not ask for it, as with Feast's other
    stores; False: only where one does."""
    each: ImportString[Any] = map
    """Who joins, as `features.customers.Each` or by its dotted path: `flows.cluster.by_settings` is Ray's workers."""
    observations_at_once: PositiveInt = 250_000
    """Observations that a worker joins at once; a set of no more of them is joined by this process."""


class PointInTimeOfflineStore(DuckDBOfflineStore):
    """For each observation the newest event that was known at its time and was fresh then.

    Feast's own joins do this only if each caller sets `filter_by_created_timestamp`, and pair every observation with
    all earlier rows of its entity; its DuckDB store fails on a feature called `rn`, or one that ends in `_y`, and its
    file store drops observations that meet only stale rows. This one meets each observation with one row, takes any
    name, and gives the observations back in their order. A missing key meets nothing, as in SQL.
    """

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame,
        registry: Any,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
    ) -> RetrievalJob:
        """The join, made when its rows are asked for: `entity_df` in its order, with the features beside it."""
        if not isinstance(entity_df, pd.DataFrame):
            raise OfflineStoreError(
                f"found observations of type {type(entity_df).__name__}, expected a pandas DataFrame"
            )
        _check_views(feature_refs, project, registry)
        time = infer_event_timestamp_from_entity_df(dict(entity_df.dtypes))
        asked, _ = _get_requested_feature_views_to_features_dict(feature_refs, feature_views, [])
        sources = [files_of(config, view, names, full_feature_names) for view, names in asked.items()]
        _check_names(entity_df, sources)
        store = config.offline_store
        wanted = Join(sources, _TIME, filter_by_created_timestamp or store.known_only)

        def join() -> pa.Table:
            given = pl.from_pandas(entity_df)
            times = pl.Series(_TIME, pd.to_datetime(entity_df[time], utc=True)).dt.cast_time_unit("us")
            known = wanted.run_by(store.each, given.with_columns(times), store.observations_at_once)
            return given.hstack(known.get_columns()).to_arrow()

        keys = [name for name in entity_df.columns if name != time]
        times = entity_df[time]
        return PointInTimeJob(join, RetrievalMetadata(feature_refs, keys, times.min(), times.max()), full_feature_names)

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """The newest row of each entity between two times, as Feast's DuckDB store has it."""
        columns = (join_key_columns, feature_name_columns, timestamp_field, created_timestamp_column)
        return pull_latest_from_table_or_query_ibis(
            config, data_source, *columns, start_date, end_date, **_access(config)
        )

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """Every row between two times, as Feast's DuckDB store has it; a saved dataset is read so."""
        return pull_all_from_table_or_query_ibis(
            config,
            data_source,
            join_key_columns,
            feature_name_columns,
            timestamp_field,
            created_timestamp_column=created_timestamp_column,
            start_date=start_date,
            end_date=end_date,
            **_access(config),
        )


class PointInTimeJob(RetrievalJob):
    """A join that is done when its rows are asked for."""

    def __init__(self, join: Callable[[], pa.Table], metadata: RetrievalMetadata, full_feature_names: bool) -> None:
        super().__init__()
        self._join, self._metadata, self._full = join, metadata, full_feature_names

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._join()

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._join().to_pandas()

    def persist(self, storage: SavedDatasetStorage, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        """Write the rows to the Parquet file of a saved dataset."""
        if not isinstance(storage, SavedDatasetFileStorage):
            raise OfflineStoreError(f"found storage {type(storage).__name__}, expected a SavedDatasetFileStorage")
        path = Path(storage.file_options.uri)
        if path.exists() and not allow_overwrite:
            raise SavedDatasetLocationAlreadyExists(location=str(path))
        # To the microsecond, as the join counts: what pandas has in nanoseconds DuckDB would not read back.
        pq.write_table(self._join(), path, coerce_timestamps="us", allow_truncated_timestamps=True)

    @property
    def full_feature_names(self) -> bool:
        """Whether features carry the names of their views."""
        return self._full

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """None: they would run code out of the registry."""
        return []

    @property
    def metadata(self) -> RetrievalMetadata:
        """What was asked."""
        return self._metadata


def _access(config: RepoConfig) -> dict[str, Any]:
    """How ibis reads and writes files here."""
    store = config.offline_store
    return {
        "data_source_reader": _read,
        "data_source_writer": _write_data_source,
        "staging_location": store.staging_location,
        "staging_location_endpoint_override": store.staging_location_endpoint_override,
    }


def _read(source: DataSource, repo: str) -> Any:
    """A source's rows; times in nanoseconds with a zone, as pandas writes them, rounded to the microsecond.

    DuckDB 2 has a type of its own for these, which ibis does not know and DuckDB does not cast as Feast asks it to.
    """
    table = _read_data_source(source, repo)
    unknown = [name for name, kind in table.schema().items() if "TIMESTAMPTZ_NS" in str(kind)]
    return table.mutate(**{name: table[name].cast("timestamp('UTC', 6)") for name in unknown}) if unknown else table


def _check_views(refs: list[str], project: str, registry: Any) -> None:
    if made := sorted({view.name for view in OnDemandFeatureView.get_requested_odfvs(refs, project, registry)}):
        raise OfflineStoreError(
            f"found on-demand feature views {made}, expected views of stored rows: this store runs no code out of the"
            " registry; ask for the views they are made of and compute them from the rows that come back"
        )


def _check_names(entity_df: pd.DataFrame, sources: list[FeatureFiles]) -> None:
    missing = sorted({key for source in sources for key in source.keys} - set(entity_df.columns))
    if missing:
        raise OfflineStoreError(f"observations: found columns {list(entity_df.columns)}, expected {missing} too")
    names = [*entity_df.columns, *(name for source in sources for name in source.columns)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise OfflineStoreError(f"found {twice} more than once among columns and features: ask for full_feature_names")
