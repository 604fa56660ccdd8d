"""Read features by key while a decision waits: the online store only, no registry, errors within milliseconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from feast.infra.provider import get_provider

from features.permitted import FeatureColumn
from features.store.configuration import READ_TIMEOUT, configure
from features.store.definitions import online_view
from features.store.failures import ONLINE_FAILURES, OnlineStoreError, online_error
from features.store.postgres import ReconnectingPostgresOnlineStore
from features.store.quick import Row, Rows, Way, reads_of
from features.store.sqlite import RowSqliteOnlineStore

__all__ = ["OnlineReader", "OnlineRows", "OnlineStoreError", "Way", "open_online"]

# Few enough to be read within READ_TIMEOUT.
_KEYS_A_READ = 200


@dataclass(frozen=True)
class OnlineRows:
    """Features of the keys asked for, in their order: values by name, and the time of the event by view.

    None stands for a missing value and for the time of an entity that a view does not know. The store gives what it
    has, however old: compare the times with the freshness of each feature.
    """

    values: dict[str, list[float | str | None]]
    event_timestamps: dict[str, list[datetime | None]]


def open_online(
    project: str, entity_key: str, columns: Sequence[FeatureColumn], *, registry: str, online: str
) -> "OnlineReader":
    """A reader of `columns` for the entities named by `entity_key`; nothing is connected until the first read."""
    return OnlineReader(project, entity_key, columns, registry, online)


class OnlineReader:
    """Reads the columns of one release; threads may share it."""

    def __init__(
        self, project: str, entity_key: str, columns: Sequence[FeatureColumn], registry: str, online: str
    ) -> None:
        self._names = [(column.name, column.view) for column in columns]
        self._config = configure(project, registry, online, timeout=READ_TIMEOUT)
        self._store = get_provider(self._config).online_store
        if isinstance(self._store, RowSqliteOnlineStore):
            self._store.patience = READ_TIMEOUT  # an event loop may be the one that reads
        names = dict.fromkeys(column.view for column in columns)
        self._views = [
            online_view(name, entity_key, {column.name: column.dtype for column in columns if column.view == name})
            for name in names
        ]
        self._reads = reads_of(self._store, self._config, entity_key, self._views)
        self.way = self._reads.way

    def read(self, keys: Sequence[int | str]) -> OnlineRows:
        """The features of `keys`; raises `OnlineStoreError` when the store does not answer."""
        found: dict[str, list[Row]] = {view.name: [] for view in self._views}
        for first in range(0, len(keys), _KEYS_A_READ):
            for view, rows in self._tried_twice(keys[first : first + _KEYS_A_READ]).items():
                found[view] += rows
        return self._rows(found)

    async def read_soon(self, key: int | str) -> OnlineRows:
        """The features of one key, while an event loop goes on; only of a store whose `way` this is."""
        assert self._reads.soon is not None
        try:
            return self._rows(await self._reads.soon(key))
        except ONLINE_FAILURES:
            try:
                return self._rows(await self._reads.soon(key))
            except ONLINE_FAILURES as error:
                raise online_error(self._config.project, error) from error

    def close(self) -> None:
        """Close every connection."""
        self._reads.close()
        if isinstance(self._store, RowSqliteOnlineStore | ReconnectingPostgresOnlineStore):
            self._store.disconnect()

    def _tried_twice(self, keys: Sequence[int | str]) -> Rows:
        # After a restart of the server the first command meets a connection that is gone, the second a new one.
        try:
            return self._reads.read(keys)
        except ONLINE_FAILURES:
            try:
                return self._reads.read(keys)
            except ONLINE_FAILURES as error:
                raise online_error(self._config.project, error) from error

    def _rows(self, found: Rows) -> OnlineRows:
        times = {view: [time for time, _ in rows] for view, rows in found.items()}
        if all(len(rows) == 1 for rows in found.values()):
            # As online: without a loop for each column.
            alone = {view: rows[0][1] for view, rows in found.items()}
            return OnlineRows({name: [alone[view].get(name)] for name, view in self._names}, times)
        return OnlineRows({name: [row.get(name) for _, row in found[view]] for name, view in self._names}, times)
