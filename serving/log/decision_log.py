"""The decision log: append in group commits, read back, verify the chain."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from serving.log.chain import Head, Link
from serving.log.commit import Appended, DuplicateDecision, IdempotencyConflict, Outcome, commit_entries
from serving.log.database import Database, LogUnavailable, Row, Session, open_tables
from serving.log.entry import COLUMNS, Entry, RecordError, decode, encode
from serving.log.record import Record, time_text
from serving.log.schema import HEAD, LINKS, STATEMENTS
from serving.log.verify import Progress, Verification, verify_chain

__all__ = ["Appended", "DecisionLog", "DuplicateDecision", "IdempotencyConflict", "LogUnavailable", "open_log"]

PAGE = 1000
_ALL = ", ".join(COLUMNS)


class DecisionLog:
    """The log in one database; every method blocks and may be called from any thread or process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, record: Record) -> Appended:
        """Commit one record; who lost a race for its idempotency key gets the winner's."""
        (outcome,) = self.commit([encode(record)])
        if isinstance(outcome, RecordError):
            raise outcome
        return outcome

    def commit(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Commit many records with one link of the chain; one outcome for each entry, in their order."""
        return (
            self._database.write(lambda session: commit_entries(session, _head(session, session.for_update), entries))
            if entries
            else []
        )

    def find(self, decision_id: str) -> Record | None:
        """The record of a decision."""
        return self._one("decision_id = ?", [decision_id])

    def find_key(self, partner: str, idempotency_key: str) -> Record | None:
        """The record that answered a partner's request."""
        return self._one("idempotency_key = ? AND partner = ?", [idempotency_key, partner])

    def read(self, portfolio: str, since: datetime, until: datetime) -> Iterator[Record]:
        """The records of a portfolio decided in [since, until), by time."""
        return map(decode, self.select(COLUMNS, portfolio, since, until))

    def select(self, columns: Sequence[str], portfolio: str, since: datetime, until: datetime) -> Iterator[Row]:
        """Chosen columns of the rows of a portfolio decided in [since, until), by time; read page by page."""
        names = ", ".join(("decided_at", "sequence", *columns))
        sql = (
            f"SELECT {names} FROM decisions WHERE portfolio = ? AND (decided_at, sequence) > (?, ?) AND decided_at < ?"
            f" ORDER BY decided_at, sequence LIMIT {PAGE}"
        )
        place, end = (time_text(since), -1), time_text(until)
        while page := self._rows(sql, [portfolio, *place, end]):
            yield from (row[2:] for row in page)
            place = page[-1][:2]

    def head(self) -> Head:
        """Where the chain ends."""
        return self._database.read(_head)

    def verify(self, progress: Progress | None = None) -> Verification:
        """Check every record, batch and link that is there now; `progress` is called with (records done, of all)."""
        head, extra = self._database.read(lambda session: (_head(session), _beyond(session)))
        links = self._pages("decision_batches", "number", LINKS, head.number)
        rows = self._pages("decisions", "sequence", ("sequence", *COLUMNS), head.records)
        return verify_chain((Link(*link) for link in links), rows, head, extra, progress)

    def close(self) -> None:
        """Close the database; what was appended is on disk already."""
        self._database.close()

    def _one(self, where: str, values: Sequence[str]) -> Record | None:
        rows = self._rows(f"SELECT {_ALL} FROM decisions WHERE {where}", values)
        return decode(rows[0]) if rows else None

    def _rows(self, sql: str, values: Sequence[object]) -> list[Row]:
        return self._database.read(lambda session: session.rows(sql, values))

    def _pages(self, table: str, key: str, columns: Sequence[str], last: int) -> Iterator[Row]:
        """All rows up to `last` in the order of `key`, which is the first of `columns`."""
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE {key} > ? AND {key} <= ? ORDER BY {key} LIMIT {PAGE}"
        after = -(2**63)
        while page := self._rows(sql, [after, last]):
            yield from page
            after = page[-1][0]


def open_log(url: str) -> DecisionLog:
    """The decision log at `sqlite:///path` or `postgresql://…`, its tables made when missing; or `LogUnavailable`."""
    return DecisionLog(open_tables(url, "decision_head", STATEMENTS))


def _head(session: Session, lock: str = "") -> Head:
    rows = session.rows(f"SELECT {', '.join(HEAD)} FROM decision_head{lock}")
    return Head(*rows[0]) if rows else Head(hash="missing")


def _beyond(session: Session) -> int:
    """Records and batches after the head: none, unless someone wrote around the log."""
    sql = (
        "SELECT (SELECT count(*) FROM decisions WHERE sequence > head.records)"
        " + (SELECT count(*) FROM decision_batches WHERE number > head.number) FROM decision_head AS head"
    )
    rows = session.rows(sql)
    return int(rows[0][0]) if rows else 0
