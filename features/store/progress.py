"""How far a view is materialized, noted in the online store itself: who wipes the store wipes the notes with it."""

from dataclasses import dataclass
from datetime import datetime

from feast import RepoConfig
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from features.store.definitions import online_view

_FIELDS: tuple[str, ...] = ("until", "made_from", "features", "held")
# Not a name a view in features.yaml could have.
_NOTES = online_view("_materialized", "view", dict.fromkeys(_FIELDS, "category"))


@dataclass(frozen=True)
class Progress:
    """All rows known before `until` (None: none yet) are in the online store; `made_from` is the digest of them.

    `features` are all that were ever written, those that the view no longer has too. Some rows known before `held`
    may be in the store: those of the slice that is being written, or of a store that is being written again.
    """

    until: datetime | None
    made_from: str
    features: tuple[str, ...]
    held: datetime


class ProgressNotes:
    """The notes of one portfolio, a row for each view, kept through Feast's own interface so that any store can."""

    def __init__(self, store: OnlineStore, config: RepoConfig) -> None:
        self._store, self._config = store, config

    def prepare(self) -> None:
        """Make the table of notes where the store has tables."""
        self._store.update(self._config, [], [_NOTES], [], [], True)

    def read(self, view: str) -> Progress | None:
        """The note of a view; None when nothing was written yet, or the store was wiped."""
        ((_, values),) = self._store.online_read(self._config, _NOTES, [_key(view)], list(_FIELDS))
        if not values:
            return None
        until, made_from, features, held = (values[name].string_val for name in _FIELDS)
        if not (until or held):
            return None
        whole = datetime.fromisoformat(until) if until else None
        return Progress(whole, made_from, tuple(features.split()), datetime.fromisoformat(held or until))

    def write(self, view: str, progress: Progress) -> None:
        """Replace the note of a view."""
        until = progress.until.isoformat() if progress.until else ""
        texts = (until, progress.made_from, " ".join(progress.features), progress.held.isoformat())
        told = dict(zip(_FIELDS, texts, strict=True))
        values = {name: Value(string_val=text) for name, text in told.items()}
        self._store.online_write_batch(self._config, _NOTES, [(_key(view), values, progress.held, None)], None)


def _key(view: str) -> EntityKey:
    return EntityKey(join_keys=["view"], entity_values=[Value(string_val=view)])
