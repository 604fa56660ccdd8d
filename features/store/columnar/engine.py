"""A Feast compute engine that writes columns, named in `batch_engine` by the dotted path of its class.

Takes over what can be taken over: a plain feature view, read from an offline store and written to Redis, Postgres
or Feast's SQLite store.
All else, such as transformations on the way, aggregations and other online stores, is left to Feast's local engine.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

import pyarrow as pa
from feast import BatchFeatureView, FeatureView, RepoConfig, StreamFeatureView
from feast.data_source import DataSource
from feast.infra.common.materialization_job import MaterializationJobStatus, MaterializationTask
from feast.infra.compute_engines.local.compute import LocalComputeEngine
from feast.infra.compute_engines.local.job import LocalMaterializationJob
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel
from feast.utils import _get_column_names, _run_pyarrow_field_mapping
from pydantic import ImportString, PositiveInt, field_validator

from features.store.columnar.sqlite import SqliteColumns
from features.store.columnar.writers import columns_of, opened

SHORTEST, LONGEST = 1 / 24, 100_000.0
"""Days of a slice: below an hour a year would be read some ten thousand times."""
_NAME = "features.store.columnar.engine.ColumnarComputeEngine"


class ColumnarComputeEngineConfig(FeastConfigBaseModel):
    """How the engine works."""

    type: Literal[_NAME] = _NAME  # type: ignore[valid-type]
    slice_days: float | None = None
    """Materialize so many days at a time, in order: what is in memory is bounded, and after a first run that
    failed or was killed `materialize_incremental` goes on after the last whole slice of each view. A run over time that
    was materialized before is to be given its own dates again. None: all at once."""
    each: ImportString[Any] = map
    """Who writes to Redis and Postgres, as `features.customers.Each` or by its dotted path: `flows.cluster.by_settings`
    is Ray's workers. They are sent this configuration whole, as by Feast's own Ray engine."""
    rows_at_once: PositiveInt = 100_000
    """Rows that a worker writes at once; no more of them are written by this process."""

    @field_validator("slice_days")
    @classmethod
    def _is_long_enough(cls, days: float | None) -> float | None:
        return _checked(days)


class ColumnarComputeEngine(LocalComputeEngine):
    """Feast's local engine, with a way of its own for what is only read and written."""

    def __init__(self, *, slice_days: float | None = None, **given: Any) -> None:
        super().__init__(**given)
        settings = self.repo_config.batch_engine
        self._slice = _checked(getattr(settings, "slice_days", slice_days))
        self._each = getattr(settings, "each", map)
        self._at_once = getattr(settings, "rows_at_once", 0)

    def _materialize_one(
        self, registry: BaseRegistry, task: MaterializationTask, **kwargs: Any
    ) -> LocalMaterializationJob:
        if not self._is_plain(task):
            return super()._materialize_one(registry, task, **kwargs)
        job = f"{task.feature_view.name}-{task.start_time}-{task.end_time}"
        try:
            self._write(registry, task)
        except Exception as error:
            return LocalMaterializationJob(job_id=job, status=MaterializationJobStatus.ERROR, error=error)
        return LocalMaterializationJob(job_id=job, status=MaterializationJobStatus.SUCCEEDED)

    def _is_plain(self, task: MaterializationTask) -> bool:
        view = task.feature_view
        made = isinstance(view, BatchFeatureView | StreamFeatureView) or getattr(view, "feature_transformation", None)
        # Rows without a timestamp, or that go to the offline store too, or of many views at once, are Feast's to write.
        special = task.disable_event_timestamp or not task.only_latest or getattr(view, "offline", False)
        ours = columns_of(self.online_store, self.repo_config, view) is not None
        return ours and view.online and not (made or special or getattr(view, "aggregations", None))

    def _write(self, registry: BaseRegistry, task: MaterializationTask) -> None:
        view, source = task.feature_view, task.feature_view.batch_source
        newest = not getattr(self.repo_config.online_store, "skip_dedup", False)
        columns = columns_of(self.online_store, self.repo_config, view, newest=newest)
        assert source is not None
        assert columns is not None
        parts = list(_parts(task.start_time, task.end_time, self._slice))
        shown = task.tqdm_builder(len(parts)) if task.tqdm_builder else None
        for begin, end in parts:
            rows = self._newest(registry, view, source, begin, end)
            times = (source.timestamp_field, source.created_timestamp_column or None)
            if self._each is map or rows.num_rows <= self._at_once or isinstance(columns, SqliteColumns):
                columns.write(rows, *times)
            else:
                write = partial(write_rows, self.repo_config, view, times, newest)
                firsts = range(0, rows.num_rows, self._at_once)
                deque(self._each(write, (_sent(rows.slice(first, self._at_once)) for first in firsts)), maxlen=0)
            if end < task.end_time:  # Feast itself notes the whole when it is done
                registry.apply_materialization(view, task.project, begin, end)
                view.materialization_intervals.append((begin, end))  # which Feast writes back if a later slice fails
            if shown:
                shown.update(1)

    def _newest(
        self, registry: BaseRegistry, view: FeatureView, source: DataSource, begin: datetime, end: datetime
    ) -> pa.Table:
        """The newest row of each entity whose event lies between `begin` and `end`."""
        entities = [registry.get_entity(name, self.repo_config.project) for name in view.entities]
        keys, features, event, created = _get_column_names(view, entities)
        found = self.offline_store.pull_latest_from_table_or_query(
            config=self.repo_config,
            data_source=source,
            join_key_columns=keys,
            feature_name_columns=features,
            timestamp_field=event,
            created_timestamp_column=created,
            start_date=begin,
            end_date=end,
        ).to_arrow()
        return _run_pyarrow_field_mapping(found, source.field_mapping or {})


def _sent(rows: pa.Table) -> pa.Buffer:
    """Rows as they are sent: of a slice that is pickled all rows would go with it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return sink.getvalue()


def write_rows(
    config: RepoConfig, view: FeatureView, times: tuple[str, str | None], newest: bool, sent: pa.Buffer
) -> int:
    """Write rows of different entities, in whatever process; how many there were."""
    rows = pa.ipc.open_stream(sent).read_all()
    with opened(config) as store:
        columns = columns_of(store, config, view, newest=newest)
        assert columns is not None
        return columns.write(rows, *times)


def _checked(days: float | None) -> float | None:
    if days is not None and not SHORTEST <= days <= LONGEST:
        raise ValueError(f"slice_days: found {days}, expected days between {SHORTEST:.4f} (an hour) and {LONGEST:.0f}")
    return days


def _parts(begin: datetime, end: datetime, days: float | None) -> Iterator[tuple[datetime, datetime]]:
    """From `begin` to `end` in slices, the older first: what is newer is written over it."""
    while days and end - begin > timedelta(days=days):
        yield begin, begin + timedelta(days=days)
        begin += timedelta(days=days)
    yield begin, end
