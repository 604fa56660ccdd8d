"""What a view offers online: whether it is registered, and until when it is materialized."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from feast import FeatureStore
from feast.infra.registry.sql import SqlRegistry

from features.store.configuration import configure
from features.store.failures import told
from features.store.postgres import ReconnectingPostgresOnlineStore
from features.store.progress import ProgressNotes
from features.store.sqlite import RowSqliteOnlineStore


@dataclass(frozen=True)
class Coverage:
    """One view online: all of its rows known before `until` can be read; None: it was never materialized."""

    view: str
    registered: bool
    until: datetime | None


def read_coverage(portfolio: str, views: Iterable[str], *, registry: str, online: str) -> list[Coverage]:
    """The coverage of each view, in their order; raises `StoreError` when a store does not answer."""
    config = configure(portfolio, registry, online)
    with told(portfolio):
        feast = FeatureStore(config=config)
        store = feast.provider.online_store
        try:
            known = {view.name for view in feast.list_feature_views()}
            notes = ProgressNotes(store, config)
            # A store that nothing was ever written to has no table of notes.
            notes.prepare()
            found = {view: notes.read(view) for view in views}
        finally:
            if isinstance(store, RowSqliteOnlineStore | ReconnectingPostgresOnlineStore):
                store.disconnect()
            if isinstance(feast.registry, SqlRegistry):
                feast.registry.write_engine.dispose()
    return [Coverage(view, view in known, note.until if note else None) for view, note in found.items()]
