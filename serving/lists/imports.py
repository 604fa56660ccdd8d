"""A large import: its entries are written a few at a time, known to nobody, and become current in one last short step.

Who decides meanwhile waits for a few entries at most, never for all of them. An import that is killed leaves entries
that nobody reads; the next one clears them. Imports take turns: one that beats is waited for.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from secrets import randbits
from typing import TypeVar

from serving.log.act import EVERYWHERE
from serving.log.database import Row, Session
from serving.log.ledger import Ledger
from serving.log.record import Record

T = TypeVar("T")
TABLE = (
    # `version`: none while it is written, 0 given up, else the version of the lists that its entries came with.
    "CREATE TABLE IF NOT EXISTS list_imports (batch BIGINT PRIMARY KEY, beat BIGINT NOT NULL, version BIGINT)"
)
HIDDEN = "(since_version < 0 AND since_version NOT IN (SELECT batch FROM list_imports WHERE version > 0 AND batch < 0))"
"""The condition that an entry is of an import that has not ended, was given up, or was never begun: nobody reads it."""
_REMAINS = (
    "SELECT e.id FROM list_imports i JOIN list_entries e ON e.since_version = i.batch WHERE i.version = 0 LIMIT 250"
)
SMALL = 250  # entries that are added in one transaction as ever
HOLD_SECONDS = 0.01  # how long one transaction should hold others up
MOST = 1000  # entries in one
SILENT_SECONDS = 3.0  # an import that writes nothing for so long is dead
LOOK_SECONDS = 0.1
READ_AT_ONCE = 5000


class ImportLost(RuntimeError):
    """The import was taken for dead, as it wrote nothing for seconds, and another one cleared it."""


@dataclass
class Import:
    """One import under way; `batch` stands in the place of a version in its entries.

    On Postgres a transaction is run again when the reply to its commit was lost: each of them knows its own first run.
    """

    ledger: Ledger
    at: datetime
    batch: int = 0
    beat: int = field(default_factory=lambda: randbits(40))  # begins anywhere: no other import's is taken for its own

    def begin(self) -> None:
        """Take the turn: wait for an import that runs, give up one that is dead, clear what dead ones left."""
        seen, since = None, time.monotonic()
        while (running := self._short(self._claim)) is not None:
            if running != seen:
                seen, since = running, time.monotonic()
            elif time.monotonic() - since > SILENT_SECONDS:
                self.give_up(running[0])
            time.sleep(LOOK_SECONDS)
        while left := self.ledger.read(lambda session: session.rows(_REMAINS)):
            time.sleep(self._timed(partial(_remove, entries=left)))

    def current(self, digests: Sequence[str]) -> set[str]:
        """Which of these digests are of entries that hold; read in parts, and no lock is held."""
        found: set[str] = set()
        for first in range(0, len(digests), READ_AT_ONCE):
            part = digests[first : first + READ_AT_ONCE]
            found |= self.ledger.read(partial(held, digests=part))
            self.live()
        return found

    def write(self, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Write the entries, as many at a time as takes `HOLD_SECONDS`, leaving others as much time between."""
        left, size = iter(rows), SMALL
        while page := list(islice(left, size)):
            took = self._timed(partial(_insert, columns=columns, rows=page))
            size = max(10, min(MOST, 2 * size, int(size * HOLD_SECONDS / took)))
            time.sleep(took)

    def live(self) -> None:
        """Show others, after work that writes nothing, that this import is not dead."""
        self._timed(lambda session: None)

    def ended(self, session: Session) -> int:
        """The version that the entries came with, where a first run of the last step made them current; else 0."""
        sql = "SELECT coalesce(max(version), 0) FROM list_imports WHERE batch = ?"
        return int(session.rows(sql, [self.batch])[0][0])

    def end(self, session: Session, version: int) -> None:
        """Make the entries current, as part of the transaction that says so."""
        self._own(session)
        session.run("UPDATE list_imports SET version = ? WHERE batch = ?", [version, self.batch])

    def _claim(self, session: Session) -> Row | None:
        """Another import that has not ended; None: this one has begun."""
        running = session.rows("SELECT batch, beat FROM list_imports WHERE version IS NULL")
        if running:
            return None if running[0] == (self.batch, self.beat) else running[0]
        self.batch = int(session.rows("SELECT coalesce(min(batch), 0) - 1 FROM list_imports")[0][0])
        session.insert("list_imports", ("batch", "beat", "version"), [(self.batch, self.beat, None)])
        return None

    def _timed(self, work: Callable[[Session], None]) -> float:
        began = 0.0

        def beating(session: Session) -> None:
            nonlocal began
            began = time.perf_counter()  # the file or the server is this one's from here on
            if self._own(session) == self.beat:  # else its first run was committed
                session.run("UPDATE list_imports SET beat = ? WHERE batch = ?", [self.beat + 1, self.batch])
                work(session)

        self._short(beating)
        self.beat += 1
        return time.perf_counter() - began

    def _own(self, session: Session) -> int:
        sql = f"SELECT beat FROM list_imports WHERE batch = ? AND version IS NULL{session.for_update}"
        found = session.rows(sql, [self.batch])
        if found not in ([(self.beat,)], [(self.beat + 1,)]):
            raise ImportLost("another import took this one for dead; nothing of it is on the lists: run it again")
        return int(found[0][0])

    def give_up(self, batch: int) -> None:
        """Have an import that has not ended never end; its entries are cleared by the next."""
        self._short(partial(abandon, batch=batch))

    def _short(self, work: Callable[[Session], T]) -> T:
        def without_act(session: Session) -> tuple[T, Sequence[Record]]:
            return work(session), ()

        return self.ledger.enact(EVERYWHERE, self.at, without_act)


def held(session: Session, digests: Sequence[str]) -> set[str]:
    """Which of these digests are of entries that hold."""
    among, value = session.among(digests)
    sql = f"SELECT digest FROM list_entries WHERE ended_version IS NULL AND digest IN {among} AND NOT {HIDDEN}"
    return {digest for (digest,) in session.rows(sql, [value])}


def abandon(session: Session, batch: int) -> None:
    """Have an import that has not ended never end."""
    session.run("UPDATE list_imports SET version = 0 WHERE batch = ? AND version IS NULL", [batch])


def _insert(session: Session, columns: Sequence[str], rows: Sequence[Row]) -> None:
    session.insert("list_entries", columns, rows)


def _remove(session: Session, entries: Sequence[Row]) -> None:
    among, names = session.among([name for (name,) in entries])
    session.run(f"DELETE FROM list_entries WHERE id IN {among}", [names])
