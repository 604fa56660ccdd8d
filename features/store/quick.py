"""Rows read by key as plain numbers and text, without a protobuf object for each value or a round trip for each view.

Reads what Feast's own stores have written, by their own keys: SQLite's rows as they are, Redis' hashes and Postgres'
tables with all views in one round trip.
"""

import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from feast import FeatureView, RepoConfig
from feast.infra.online_stores.helpers import _mmh3, _redis_key
from feast.infra.online_stores.online_store import OnlineStore
from feast.infra.online_stores.postgres_online_store.postgres import _table_id
from feast.infra.online_stores.redis import RedisOnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]
from psycopg import sql

from features.store.configuration import READ_TIMEOUT
from features.store.line import RedisLine
from features.store.postgres import ReconnectingPostgresOnlineStore
from features.store.rows import entity_keys, in_utc, plain
from features.store.sqlite import RowSqliteOnlineStore

Plain = float | str | None
Row = tuple[datetime | None, Mapping[str, Plain]]
"""The time of the event, None of an entity that the view does not know, and the features by name."""
Rows = dict[str, list[Row]]
"""The rows of each view, in the order of the keys."""
Read = Callable[[Sequence[int | str]], Rows]


Way = Literal["at_once", "soon", "in_thread"]
"""How an event loop reads one key best: itself, where that takes less than handing it to a thread; by waiting for a
reply; or by a thread that waits."""


@dataclass(frozen=True)
class Reads:
    """How a store is read: `read` blocks, `soon` lets an event loop go on until the reply is there."""

    read: Read
    soon: Callable[[int | str], Awaitable[Rows]] | None = None
    way: Way = "in_thread"
    close: Callable[[], None] = lambda: None


UNKNOWN: Row = (None, {})
# Feast's Value: field 5 is a double (8 bytes, little-endian), field 2 a text, and nothing follows it. A text of up to
# 127 bytes has its length in one byte.
_DOUBLE, _DOUBLE_BYTES = 0x29, 9
_TEXT, _SHORT = 0x12, 0x80
_unpack = struct.Struct("<d").unpack_from


def reads_of(store: OnlineStore, config: RepoConfig, key: str, views: Sequence[FeatureView]) -> Reads:
    """What reads `views` for entities whose key is called `key` from a store of this kind."""
    if isinstance(store, RowSqliteOnlineStore):
        return Reads(lambda keys: {view.name: store.plain_rows(config, view, keys) for view in views}, way="at_once")
    if isinstance(store, RedisOnlineStore):
        return _redis(store, config, key, views)
    if isinstance(store, ReconnectingPostgresOnlineStore):
        return Reads(_postgres(store, config, key, views))
    raise TypeError(f"found an online store of type {type(store).__name__}, expected SQLite, Redis or Postgres")


def decoded(value: bytes | None) -> Plain:
    """The number or text in the bytes of one of Feast's values; None: missing.

    Raises protobuf's `DecodeError` of bytes that are none.
    """
    if not value:
        return None
    if value[0] == _DOUBLE and len(value) == _DOUBLE_BYTES:
        number: float = _unpack(value, 1)[0]
        return number
    if value[0] == _TEXT and len(value) > 1 and value[1] < _SHORT and len(value) == value[1] + 2:
        try:
            return value[2:].decode()
        except UnicodeDecodeError as error:
            raise DecodeError(str(error)) from error
    message = Value()
    message.ParseFromString(value)
    return plain(message)


def _redis(store: RedisOnlineStore, config: RepoConfig, key: str, views: Sequence[FeatureView]) -> Reads:
    names = {view.name: [field.name for field in view.features] for view in views}
    fields = {
        view: [f"_ts:{view}".encode(), *(_mmh3(f"{view}:{name}") for name in found)] for view, found in names.items()
    }
    asked = [one for some in fields.values() for one in some]
    # The command but for the key is the same for everyone.
    command, after_key = b"*%d\r\n$5\r\nHMGET\r\n" % (len(asked) + 2), b"".join(map(_word, asked))
    (place, *_), address = store._parse_connection_string(config.online_store.connection_string)
    line = RedisLine({**address, **place}, READ_TIMEOUT)

    def hash_of(entity: EntityKey) -> bytes:
        found: bytes = _redis_key(config.project, entity, config.entity_key_serialization_version)
        return found

    async def soon(one: int | str) -> Rows:
        found = await line.ask(command + _word(hash_of(*entity_keys(key, [one]))) + after_key)
        return rows_of([found])

    def read(keys: Sequence[int | str]) -> Rows:
        client = store._get_client(config.online_store)
        hashes = [hash_of(one) for one in entity_keys(key, keys)]
        # An entity's views share one hash: a command for each entity has them all, and these go out together.
        if len(hashes) == 1:
            found = [client.hmget(hashes[0], asked)]
        else:
            with client.pipeline(transaction=False) as pipe:
                for one in hashes:
                    pipe.hmget(one, asked)
                found = pipe.execute()
        return rows_of(found)

    def rows_of(found: Sequence[Sequence[bytes | None]]) -> Rows:
        rows: Rows = {view: [] for view in names}
        for values in found:
            first = 0
            for view, wanted in names.items():
                last = first + len(wanted) + 1
                rows[view].append(_row(values[first], wanted, values[first + 1 : last]))
                first = last
        return rows

    return Reads(read, soon, "soon", line.close)


def _word(word: bytes) -> bytes:
    """A word of a Redis command."""
    return b"$%d\r\n%b\r\n" % (len(word), word)


def _row(time: bytes | None, names: Sequence[str], values: Sequence[bytes | None]) -> Row:
    # Of 1970's first moment protobuf writes no bytes at all.
    return (_time(time), dict(zip(names, map(decoded, values), strict=True))) if time is not None else UNKNOWN


@lru_cache(maxsize=4096)
def _time(stored: bytes) -> datetime:
    """The time in Feast's bytes; many entities share theirs, such as the ends of months."""
    stamp = Timestamp()
    stamp.ParseFromString(stored)
    found: datetime = stamp.ToDatetime(tzinfo=UTC)
    return found


def _postgres(
    store: ReconnectingPostgresOnlineStore, config: RepoConfig, key: str, views: Sequence[FeatureView]
) -> Read:
    names = [[field.name for field in view.features] for view in views]
    versions = config.registry.enable_online_feature_view_versioning
    one = sql.SQL(
        "SELECT {} AS view, entity_key, feature_name, value, event_ts FROM {}"
        " WHERE entity_key = ANY(%s) AND feature_name = ANY(%s)"
    )
    tables = [sql.Identifier(_table_id(config.project, view, versions)) for view in views]
    query = sql.SQL(" UNION ALL ").join(one.format(sql.Literal(place), table) for place, table in enumerate(tables))

    def read(keys: Sequence[int | str]) -> Rows:
        if not views:
            return {}
        stored = store._prepare_keys(entity_keys(key, keys), config.entity_key_serialization_version)
        wanted = [one for some in names for one in (stored, some)]
        with store._get_conn(config, autocommit=True) as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(query, wanted).fetchall()
        times: dict[tuple[int, bytes], datetime | None] = {}
        values: dict[tuple[int, bytes], dict[str, Plain]] = {}
        for view, entity, name, value, time in rows:
            times[view, entity] = in_utc(time)
            values.setdefault((view, entity), {})[name] = decoded(value)
        return {
            view.name: [
                (times[place, entity], values[place, entity]) if (place, entity) in times else UNKNOWN
                for entity in stored
            ]
            for place, view in enumerate(views)
        }

    return read
