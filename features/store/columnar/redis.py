"""Columns straight to Redis: the hashes that Feast's own store writes, as ready commands in a pipe.

One HSET a row, made for all rows of a batch at once; its replies are counted, not parsed. Redis works on one batch
while the next is made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from feast import FeatureView, RepoConfig
from feast.infra.online_stores.helpers import _mmh3
from feast.infra.online_stores.redis import RedisOnlineStore, _versioned_fv_name
from feast.value_type import ValueType
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from features.store.columnar.keys import check_keys, last_of_each, serialized_keys
from features.store.columnar.wire import content, encoded, joined, lengths, micros, timestamps

BATCH_ROWS = 5_000
_RECEIVED = 1 << 16
_END = b"\r\n"


class RedisRefused(ResponseError):
    """Redis answered a write with an error, which is the message."""


class RedisColumns:
    """Writes tables of one feature view to one Redis; a Redis cluster is Feast's own store's to write.

    `keys` are the types of the join keys, where they are others than the view says. With `newest`, a newer event that
    is stored stays, as with Feast's own store; one difference is meant: a row with the event timestamp that is stored
    already is a correction, and replaces it. When it was created Redis has no place for, so that of two corrections in
    two runs the one written last stays.
    """

    def __init__(
        self,
        store: RedisOnlineStore,
        config: RepoConfig,
        view: FeatureView,
        keys: Mapping[str, ValueType] | None = None,
        *,
        newest: bool = False,
    ) -> None:
        self._pool: Any = store._get_client(config.online_store).connection_pool
        self._project = config.project.encode()
        self._name = _versioned_fv_name(view, config)
        self._keys = keys or {column.name: column.dtype.to_value_type() for column in view.entity_columns}
        self._kinds = {field.name: field.dtype.to_value_type() for field in view.features}
        self._seconds = config.online_store.key_ttl_seconds
        self._asks_first = newest

    def write(self, table: pa.Table, event: str, created: str | None = None, emptied: Sequence[str] = ()) -> int:
        """Write every row, a later one over an earlier one of the same key (a newer one, with `newest`); how many Redis
        has taken.

        `event` is the column of event timestamps; for `created` Redis has no place: of rows in one batch that have
        one key and event the one created last is written. `emptied` are features to be
        emptied in every row.
        """
        check_keys(table, self._keys)
        connection = self._pool.get_connection()
        try:
            return self._sent(connection, table, [event, *([created] if created else [])], emptied)
        except BaseException:
            connection.disconnect()  # replies that were not read would be taken for those of the next command
            raise
        finally:
            self._pool.release(connection)

    def _sent(self, connection: Any, table: pa.Table, times: Sequence[str], emptied: Sequence[str]) -> int:
        due, rows, replies = 0, 0, _Replies(connection)
        for batch in table.to_batches(BATCH_ROWS):
            if self._asks_first:
                replies.take(due)
                batch, due = self._not_overtaken(connection, batch, times), 0
            commands = content(self.commands(batch, times[0], emptied))
            # Before the replies to the last one are read: Redis has never to wait for its next work.
            connection.send_packed_command([commands])
            replies.take(due)
            due, rows = batch.num_rows * (2 if self._seconds else 1), rows + batch.num_rows
        replies.take(due)
        return rows

    def _not_overtaken(self, connection: Any, batch: pa.RecordBatch, times: Sequence[str]) -> pa.RecordBatch:
        """The newest row of each key, unless Redis holds a newer event."""
        batch, keys = last_of_each(batch, serialized_keys(batch, self._keys), times)
        ask = joined(b"*3\r\n$4\r\nHGET\r\n", *self._key(keys), _fixed_word(f"_ts:{self._name}".encode()))
        connection.send_packed_command([content(ask)])
        stored = [connection.read_response() for _ in range(batch.num_rows)]
        if not any(stored):
            return batch
        held = np.array([_micros(time) if time else np.iinfo(np.int64).min for time in stored])
        return batch.filter(pa.array(micros(batch.column(times[0])) >= held))

    def _key(self, keys: pa.BinaryArray) -> list[pa.BinaryArray | bytes]:
        return _word(joined(keys, self._project))

    def commands(self, batch: pa.RecordBatch, event: str, emptied: Sequence[str] = ()) -> pa.BinaryArray:
        """For each row `HSET key _ts:view time field value …`, and its expiry where the store has one."""
        key = joined(*self._key(serialized_keys(batch, self._keys)))
        words = 2 + 2 * (1 + len(self._kinds) + len(emptied))
        pieces = [b"*%d\r\n$4\r\nHSET\r\n" % words, key, _fixed_word(f"_ts:{self._name}".encode())]
        pieces += _word(timestamps(batch.column(event)))
        for name, kind in self._kinds.items():
            pieces += [self._field(name), *_word(encoded(batch.column(name), kind, name))]
        pieces += [self._field(name) + _fixed_word(b"") for name in emptied]
        if self._seconds:
            pieces += [b"*3\r\n$6\r\nEXPIRE\r\n", key, _fixed_word(b"%d" % self._seconds)]
        return joined(*pieces)

    def _field(self, name: str) -> bytes:
        return _fixed_word(_mmh3(f"{self._name}:{name}"))


def _fixed_word(word: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(word), word)


def _word(words: pa.BinaryArray) -> list[pa.BinaryArray | bytes]:
    """Each row's bytes as a word of a command: their number, then they themselves."""
    sizes = lengths(words)
    different = np.unique(sizes)
    heads = pa.array([b"$%d\r\n" % size for size in different], pa.binary())
    if len(different) == 1:
        return [heads[0].as_py(), words, _END]
    return [heads.take(pa.array(np.searchsorted(different, sizes))), words, _END]


def _micros(stored: bytes) -> int:
    time = Timestamp()
    time.ParseFromString(stored)
    return int(time.ToMicroseconds())


class _Replies:
    """What a connection answers, each one line; those of a later batch may come with those that are waited for."""

    def __init__(self, connection: Any) -> None:
        self._connection, self._ahead, self._open_line = connection, 0, b""

    def take(self, due: int) -> None:
        """Wait for so many more; raises `RedisRefused` at an error."""
        while self._ahead < due:
            try:
                received = self._connection._sock.recv(_RECEIVED)
            except OSError as error:  # a timeout is one too
                raise RedisConnectionError(f"Redis does not answer in the middle of a write: {error}") from error
            if not received:
                raise RedisConnectionError("Redis closed the connection in the middle of a write")
            lines = (self._open_line + received).split(_END)
            self._open_line = lines.pop()
            if refused := next((line for line in lines if line.startswith(b"-")), None):
                raise RedisRefused(refused[1:].decode(errors="replace"))
            self._ahead += len(lines)
        self._ahead -= due
