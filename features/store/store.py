"""A portfolio's feature store: register its definitions, materialize them, and join training sets."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self

import polars as pl
from feast import FeatureStore, RepoConfig
from feast.infra.registry.sql import SqlRegistry
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from features.calendar import cutoff
from features.lake import Lake, NoData
from features.permitted import FeatureColumn, select
from features.portfolio import Portfolio
from features.spec import EVENT
from features.store.configuration import configure
from features.store.definitions import Definitions, define_store
from features.store.failures import OnlineStoreError, StoreError, told
from features.store.materialization import Materialized, Materializer, silent
from features.store.postgres import ReconnectingPostgresOnlineStore
from features.store.sqlite import RowSqliteOnlineStore
from features.store.workers import Workers

__all__ = ["OnlineStoreError", "Store", "StoreError", "Workers", "open_store"]

_POSTGRES_NAME = 60
TRIES = 20
"""Times that a new registry is opened: it has about as many tables."""


def open_store(
    portfolio: Portfolio, lake: Lake, *, registry: str, online: str, workers: Workers | None = None
) -> "Store":
    """The store of `portfolio`; `registry` and `online` are URLs (sqlite:///…, postgresql://…, redis://host:port/db).

    `workers` join large training sets and write large slices; None: this process does.
    """
    return Store(portfolio, lake, registry, online, workers)


class Store:
    """Feast, as the rest of Lendloop sees it; close it, or use it in a `with`."""

    def __init__(
        self, portfolio: Portfolio, lake: Lake, registry: str, online: str, workers: Workers | None = None
    ) -> None:
        self._portfolio, self._lake, self._workers = portfolio, lake, workers
        joined = {"each": workers.each, "observations_at_once": workers.observations} if workers else {}
        config = configure(portfolio.name, registry, online, offline=joined)
        with told(portfolio.name):
            self._feast = _opened(config)
        self._online = self._feast.provider.online_store
        # Else Feast imports seven other stores to ask whether this is one of them, and its SQLite store changes how the
        # whole process writes dates to any SQLite file.
        self._online._versioned_read_supported = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def register(self) -> None:
        """Make the registry say what `features.yaml` says, and no more; twice is the same as once.

        Raises `ForbiddenUse` before anything is registered if a service would read what it is not permitted to.
        """
        wanted = define_store(self._portfolio, self._lake)
        self._check_names(wanted)
        with told(self._portfolio.name):
            gone: list[Any] = [
                *(one for one in self._feast.list_feature_services() if one.name not in wanted.services),
                *(one for one in self._feast.list_feature_views() if one.name not in wanted.views),
            ]
            self._feast.apply(wanted.objects(), objects_to_delete=gone, partial=False)

    def materialize(
        self, as_of: date, services: Iterable[str] | None = None, progress: Callable[[str], None] = silent
    ) -> list[Materialized]:
        """Write what became known since the last run, and was known at the end of `as_of`, to the online store.

        Only the views that `services` read; None: every view that is online. `progress` is told of each slice.
        """
        read = self._portfolio.features.views_of(services)
        online = define_store(self._portfolio, self._lake).online()
        views = [view for name, view in online.items() if name in read]
        with told(self._portfolio.name):
            for view in views:
                self._feast.get_feature_view(view.name)
            # A file has one writer at a time.
            workers = None if isinstance(self._online, RowSqliteOnlineStore) else self._workers
            writer = Materializer(self._feast, self._online, self._lake, self._portfolio, workers, progress)
            return writer.run(views, as_of)

    def training_set(self, observations: pl.DataFrame, services: Sequence[str], *, known_by: date) -> pl.DataFrame:
        """`observations` (key, event_timestamp, any more) with the features of `services` as they were known then.

        Rows and columns keep their order; a value that was not known, or not fresh, at its observation is null.
        """
        columns = self._columns(services)
        self._check_observations(observations, columns, known_by)
        key = self._portfolio.features.entity.key
        asked = observations.select(key, EVENT).unique(maintain_order=True)
        refs = [f"{column.view}:{column.name}" for column in columns]
        sent = asked.select(pl.col(key).cast(self._key_type), pl.col(EVENT).cast(pl.Datetime("us", "UTC")))
        with told(self._portfolio.name):
            job = self._feast.get_historical_features(sent.to_pandas(), refs, filter_by_created_timestamp=True)
            known = pl.DataFrame(pl.from_arrow(job.to_arrow()))
        found = known.select(column.name for column in columns)
        if asked.height == observations.height:
            return observations.hstack(found)  # as most are: no second copy of the features is made
        joined = asked.hstack(found)
        return observations.join(joined, on=[key, EVENT], how="left", maintain_order="left")

    def close(self) -> None:
        """Close every connection."""
        if isinstance(self._online, RowSqliteOnlineStore | ReconnectingPostgresOnlineStore):
            self._online.disconnect()
        if isinstance(self._feast.registry, SqlRegistry):
            self._feast.registry.write_engine.dispose()

    @property
    def _key_type(self) -> pl.DataType:
        return pl.Int64() if self._portfolio.features.entity.type == "int" else pl.String()

    def _columns(self, services: Sequence[str]) -> list[FeatureColumn]:
        spec = self._portfolio.features
        # A feature that two services share is joined once.
        columns = list({one.name: one for service in services for one in select(spec, service)}.values())
        for view in {column.view: None for column in columns}:
            if not self._lake.partitions(self._portfolio.name, "features", view):
                raise NoData(f"{self._portfolio.name}: the lake has no features of view {view!r}; run the build first")
        return columns

    def _check_observations(self, observations: pl.DataFrame, columns: list[FeatureColumn], known_by: date) -> None:
        key = self._portfolio.features.entity.key
        if missing := [name for name in (key, EVENT) if name not in observations.columns]:
            raise StoreError(f"observations: found columns {observations.columns}, expected {missing} too")
        if clash := sorted({column.name for column in columns} & set(observations.columns)):
            raise StoreError(f"observations: {clash} are names of features: rename these columns or drop them")
        if observations.is_empty():
            raise StoreError("observations: found no rows; look at the labels, or choose a later date")
        if observations.select(pl.any_horizontal(pl.col(key, EVENT).is_null()).any()).item():
            raise StoreError(f"observations: {key} or {EVENT} is missing in some rows; drop them")
        last = observations[EVENT].max()
        if last >= cutoff(known_by):  # type: ignore[operator]
            raise StoreError(f"observations: the last is at {last!s}, after {known_by}, by which all must be known")

    def _check_names(self, wanted: Definitions) -> None:
        # Postgres cuts longer table names off without a word, and two views would share a table.
        long = [name for name in wanted.views if len(f"{self._portfolio.name}_{name}") > _POSTGRES_NAME]
        if long:
            raise StoreError(
                f"views {long}: portfolio and view together are over {_POSTGRES_NAME} letters; shorten one"
            )


def _opened(config: RepoConfig) -> FeatureStore:
    """Feast, connected to its registry."""
    for again in reversed(range(TRIES)):
        store = FeatureStore(config=config)
        try:
            store.registry  # noqa: B018 - connects, and makes the tables that are missing
        except (OperationalError, ProgrammingError, IntegrityError) as error:
            # Another process makes them at this moment: Feast looks for each, and creates it a moment later.
            if not again or "exist" not in str(error):
                raise
        else:
            break
    return store
