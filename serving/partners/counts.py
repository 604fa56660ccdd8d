"""Where the workers count together: what of each quota is used up, and who holds how many of a partner's slots.

Redis counts for all machines, an SQLite file for the workers of one. Both are storages of the package `limits` that can
besides hold slots, which it has no word for. What is counted may be lost: it is no right of access.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from limits.storage import RedisStorage, Storage

LAPSE_SECONDS = 3.0
"""Slots of a worker that has not said for so long that it holds them are free again: it was killed."""
TIMEOUT = 0.05
_TABLES = (
    "CREATE TABLE IF NOT EXISTS used (key TEXT PRIMARY KEY, value INTEGER NOT NULL, ends REAL NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS held (partner TEXT, worker TEXT, slots INTEGER NOT NULL, seen REAL NOT NULL,"
    " PRIMARY KEY (partner, worker)) WITHOUT ROWID",
)
_INCR = (
    "INSERT INTO used VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = value + excluded.value RETURNING value"
)
_OTHERS = "SELECT coalesce(sum(slots), 0) FROM held WHERE partner = ? AND worker <> ? AND seen > ?"
_HOLD = (
    "INSERT INTO held VALUES (?, ?, ?, ?)"
    " ON CONFLICT (partner, worker) DO UPDATE SET slots = excluded.slots, seen = excluded.seen"
)
_LUA = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local others = 0
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  local slots, seen = string.match(redis.call('HGET', KEYS[1], name), '(%d+) (.+)')
  if tonumber(seen) <= now - ARGV[4] then redis.call('HDEL', KEYS[1], name)
  elseif name ~= ARGV[1] then others = others + slots end
end
local granted = math.max(0, math.min(tonumber(ARGV[2]), ARGV[3] - others))
redis.call('HSET', KEYS[1], ARGV[1], granted .. ' ' .. string.format('%.3f', now))
redis.call('EXPIRE', KEYS[1], 60)
return granted
"""


class CountsUnavailable(RuntimeError):
    """The counts cannot be read or written now."""


class Counts(Protocol):
    """Blocks; any thread may call it."""

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count that is forgotten `expiry` seconds after it began; what it is then."""

    def hold(self, partner: str, worker: str, wanted: int, limit: int) -> int:
        """Have a worker hold `wanted` slots of a partner, or what the others leave of `limit`; how many it holds."""

    def close(self) -> None:
        """Close what is open."""


class SqliteCounts(Storage):
    """The counts of one machine."""

    STORAGE_SCHEME = None

    def __init__(self, file: Path) -> None:
        super().__init__()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=TIMEOUT)
        # Counts that a power cut takes back harm nobody: nothing here waits for the disk.
        for line in ("PRAGMA synchronous = OFF", "PRAGMA journal_mode = PERSIST", *_TABLES):
            self._database.execute(line).close()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the database raises."""
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count."""
        now = time.time()
        with self._alone() as run:
            run("DELETE FROM used WHERE ends <= ?", [now])
            return int(run(_INCR, [key, amount, now + expiry]).fetchall()[0][0])

    def hold(self, partner: str, worker: str, wanted: int, limit: int) -> int:
        """Hold slots."""
        now = time.time()
        with self._alone() as run:
            others = run(_OTHERS, [partner, worker, now - LAPSE_SECONDS]).fetchone()[0]
            granted: int = max(0, min(wanted, limit - others))
            run(_HOLD, [partner, worker, granted, now])
        return granted

    def get(self, key: str) -> int:
        """A count."""
        return int(self._one("value", key) or 0)

    def get_expiry(self, key: str) -> float:
        """When a count is forgotten, in seconds since 1970."""
        return float(self._one("ends", key) or time.time())

    def check(self) -> bool:
        """Whether it can be counted."""
        try:
            self._one("value", "")
        except sqlite3.Error:
            return False
        return True

    def reset(self) -> int | None:
        """Forget every count."""
        with self._alone() as run:
            return int(run("DELETE FROM used").rowcount)

    def clear(self, key: str) -> None:
        """Forget a count."""
        with self._alone() as run:
            run("DELETE FROM used WHERE key = ?", [key])

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _one(self, column: str, key: str) -> Any:
        with self._lock:
            sql = f"SELECT {column} FROM used WHERE key = ? AND ends > ?"
            row = self._database.execute(sql, [key, time.time()]).fetchone()
        return row[0] if row else None

    @contextmanager
    def _alone(self) -> Iterator[Any]:
        """The only transaction on the file, rolled back when the body raises."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database.execute
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")


class RedisCounts(RedisStorage):
    """The counts of all machines."""

    def __init__(self, url: str) -> None:
        super().__init__(url, key_prefix="lendloop", socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
        self._hold = self.get_connection().register_script(_LUA.encode())

    def hold(self, partner: str, worker: str, wanted: int, limit: int) -> int:
        """Hold slots; Redis' own clock says how old a worker's word is."""
        return int(self._hold([f"lendloop:held:{partner}"], [worker, wanted, limit, LAPSE_SECONDS]))

    def close(self) -> None:
        """Close the connections."""
        self.storage.close()


def open_counts(url: str) -> Counts:
    """The counts at `redis://…` or `sqlite:///path`; a file that cannot be read is begun anew."""
    scheme, _, path = url.partition("://")
    if scheme in ("redis", "rediss"):
        return RedisCounts(url)
    if scheme != "sqlite" or not path.startswith("/"):
        raise CountsUnavailable(
            f"counts of partners: found {scheme!r}; expected redis://… or sqlite:///path/to/file.db"
        )
    file = Path(path[1:])
    try:
        return SqliteCounts(file)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, or no such folder: the file is not to blame
            raise CountsUnavailable(f"counts of partners: {file} cannot be opened ({error})") from error
        file.unlink()
        return SqliteCounts(file)
