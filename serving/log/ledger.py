"""A ledger: a book that is kept beside the log, in its database, and changed by acts that stand in the log's chain.

Who may call, who is on a list, what people consented to, what is paused: the tables are what is looked up, the chain
says who made them so. Both are written in one transaction, so neither is ever without the other.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from serving.log.canonical import Json
from serving.log.commit import commit_entries, read_head
from serving.log.database import Database, Session, open_tables
from serving.log.entry import encode
from serving.log.record import Record, time_text
from serving.log.vault import Vault

T = TypeVar("T")


class LedgerClosed(RuntimeError):
    """A book that was opened to be read was to be changed: a fault of the program, not of its user."""


class Ledger:
    """One book's database; every method blocks and may be called from any thread."""

    def __init__(self, database: Database, vault: Vault | None) -> None:
        """Without the log's `vault` it can only be read."""
        self._database, self._vault = database, vault

    def read(self, work: Callable[[Session], T]) -> T:
        """What `work` returns from one consistent state."""
        return self._database.read(work)

    def enact(self, portfolio: str, at: datetime, work: Callable[[Session], tuple[T, Sequence[Record]]]) -> T:
        """What `work` returns, after what it wrote and the acts that it gives back are on disk, together or neither.

        No other change of any book overlaps this one. On Postgres the chain is locked only while the acts are written;
        on SQLite the file is locked throughout, and decisions wait: what writes many rows does so a few at a time, as
        `lists.imports` does. `work` may be run again when a connection was lost.
        """
        vault = self._vault
        if vault is None:
            raise LedgerClosed("found a book that was opened to be read; expected one with the log's vault")
        vault.prepare(portfolio, time_text(at)[:10])

        def whole(session: Session) -> T:
            found, acts = work(session)
            if acts:
                entries = [encode(act) for act in acts]
                head = read_head(session, session.for_update)
                commit_entries(session, head, entries, vault.seal(entries), vault)
            return found

        return self._database.alone(whole)

    def mark(self, values: Sequence[Json]) -> str:
        """The keyed digest by which an act vouches for what it must not hold."""
        if self._vault is None:
            raise LedgerClosed("found a book that was opened to be read; expected one with the log's vault")
        return self._vault.mark(values)

    def close(self) -> None:
        """Close the database; the log stays open."""
        self._database.close()


def open_ledger(url: str, table: str, statements: Sequence[str], vault: Vault | None = None) -> Ledger:
    """The ledger at the decision log's URL, with `statements` run when it has no `table` yet; or `LogUnavailable`."""
    return Ledger(open_tables(url, table, statements), vault)
