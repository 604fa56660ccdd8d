"""How far a view is materialized, noted in the online store itself: who wipes the store wipes the notes with it."""

from dataclasses import dataclass
from datetime import datetime

from feast import RepoConfig
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from features.store.definitions import online_view

# Not a name a view in features.yaml could have.
_NOTES = online_view("_materialized", "view", {"until": "category", "made_from": "category", "features": "category"})


@dataclass(frozen=True)
class Progress:
    """All rows known before `until` are in the online store; `made_from` is the digest of what they were made from.

    `features` are all that were ever written, those that the view no longer has too.
    """

    until: datetime
    made_from: str
    features: tuple[str, ...]


class ProgressNotes:
    """The notes of one portfolio, a row for each view, kept through Feast's own interface so that any store can."""

    def __init__(self, store: OnlineStore, config: RepoConfig) -> None:
        self._store, self._config = store, config

    def prepare(self) -> None:
        """Make the table of notes where the store has tables."""
        self._store.update(self._config, [], [_NOTES], [], [], True)

    def read(self, view: str) -> Progress | None:
        """The note of a view; None when nothing was written yet, or the store was wiped."""
        ((_, values),) = self._store.online_read(self._config, _NOTES, [_key(view)], ["until", "made_from", "features"])
        if not values or not values["until"].string_val:
            return None
        until, made_from, features = (values[name].string_val for name in ("until", "made_from", "features"))
        return Progress(datetime.fromisoformat(until), made_from, tuple(features.split()))

    def write(self, view: str, progress: Progress) -> None:
        """Replace the note of a view."""
        told = {"until": progress.until.isoformat(), "made_from": progress.made_from}
        told["features"] = " ".join(progress.features)
        values = {name: Value(string_val=text) for name, text in told.items()}
        self._store.online_write_batch(self._config, _NOTES, [(_key(view), values, progress.until, None)], None)


def _key(view: str) -> EntityKey:
    return EntityKey(join_keys=["view"], entity_values=[Value(string_val=view)])
