"""Feast's DuckDB offline store with a point-in-time join that cannot see what was not known yet."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import polars as pl
import pyarrow as pa
from feast import FeatureView, FileSource, RepoConfig
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView

from features.spec import CREATED, EVENT

# No column of a lender begins with an underscore.
_ROW, _KNOWN, _AGE, _FOUND = "_row", "_known", "_age", "_event"


class PointInTimeOfflineStoreConfig(DuckDBOfflineStoreConfig):
    """Nothing to set."""

    type: Literal["features.store.offline.PointInTimeOfflineStore"] = "features.store.offline.PointInTimeOfflineStore"


class PointInTimeOfflineStore(DuckDBOfflineStore):
    """For each observation the newest event that was known at its time and was fresh then.

    Feast's own join does this only if each caller sets `filter_by_created_timestamp`, pairs every observation with all
    earlier rows of its entity, and fails on a feature called `rn`, or one that ends in `_y`. This one is always
    strict, meets each observation with one row, and takes any name.
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
        filter_by_created_timestamp: bool = True,
    ) -> RetrievalJob:
        """The join; the rows of `entity_df` (key, event_timestamp) in their order, with the features beside them."""
        if full_feature_names or not isinstance(entity_df, pd.DataFrame):
            raise NotImplementedError("expected a DataFrame of observations and plain feature names, as Lendloop asks")
        joined = pl.from_pandas(entity_df).with_columns(pl.col(EVENT).cast(pl.Datetime("us", "UTC")))
        for view in feature_views:
            prefix = f"{view.projection.name_alias or view.name}:"
            names = [ref.removeprefix(prefix) for ref in feature_refs if ref.startswith(prefix)]
            rows = _read(view, names, joined[EVENT])
            joined = join_known(joined, rows, view.join_keys[0], names, view.ttl)
        return PointInTimeJob(joined.to_arrow(), RetrievalMetadata(feature_refs, list(entity_df.columns)))


class PointInTimeJob(RetrievalJob):
    """A join that is done already."""

    def __init__(self, table: pa.Table, metadata: RetrievalMetadata) -> None:
        super().__init__()
        self._table, self._metadata = table, metadata

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._table

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._table.to_pandas()

    @property
    def full_feature_names(self) -> bool:
        """Features carry their own names."""
        return False

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """None: they would run code out of the registry."""
        return []

    @property
    def metadata(self) -> RetrievalMetadata:
        """What was asked."""
        return self._metadata


def join_known(
    observations: pl.DataFrame, rows: pl.DataFrame, key: str, names: Sequence[str], freshness: timedelta | None
) -> pl.DataFrame:
    """`observations` with `names` from the newest of `rows` that had happened and was known at `event_timestamp`.

    Values older than `freshness` (None: any age) are null. `rows` have the key, both timestamps and `names`.
    """
    asked = observations.with_row_index(_ROW).sort(EVENT)
    joined = asked.join_asof(
        _timeline(rows, key).select(key, _KNOWN, pl.col(EVENT).alias(_FOUND), *names),
        left_on=EVENT,
        right_on=_KNOWN,
        by=key,
        strategy="backward",
        check_sortedness=False,
    )
    fresh = pl.col(_FOUND) >= pl.col(EVENT) - freshness if freshness else pl.lit(True)
    values = [pl.when(fresh).then(pl.col(name)).alias(name) for name in names]
    return joined.sort(_ROW).select(*observations.columns, *values)


def _timeline(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """The rows that were the newest of their entity at some time, with the time they became so, in its order.

    A row that came late, after a newer event was known, never was the newest: it is left out.
    """
    by_event = rows.sort(EVENT, CREATED, maintain_order=True).with_row_index(_AGE)
    known = by_event.with_columns(pl.max_horizontal(EVENT, CREATED).alias(_KNOWN)).sort(_KNOWN, _AGE)
    return known.filter(pl.col(_AGE) == pl.col(_AGE).cum_max().over(key))


def _read(view: FeatureView, names: Sequence[str], asked: pl.Series) -> pl.DataFrame:
    if not isinstance(view.batch_source, FileSource):
        raise TypeError(f"view {view.name!r}: found source {view.batch_source!r}, expected files of the lake")
    pattern = Path(view.batch_source.path)
    files = sorted(pattern.parents[1].glob(f"{pattern.parent.name}/{pattern.name}"))
    rows = pl.scan_parquet(files, hive_partitioning=False).select(view.join_keys[0], EVENT, CREATED, *names)
    first, last = pl.DataFrame({EVENT: asked}).select(first=pl.col(EVENT).min(), last=pl.col(EVENT).max()).row(0)
    wanted = (pl.col(CREATED) <= last) & (pl.col(EVENT) >= first - view.ttl if view.ttl else True)
    return rows.filter(wanted).collect()
