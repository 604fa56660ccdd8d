"""Reading the decision log: by id, by key, by person, by time, by place in the chain."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from serving.log.chain import Head
from serving.log.commit import read_head
from serving.log.database import Database, Row, Session
from serving.log.entry import COLUMNS, SEALED, Opened, decode
from serving.log.record import Record, time_text
from serving.log.schema import DECISIONS
from serving.log.vault import Vault

PAGE = 1000
_ALL = ", ".join(COLUMNS)


class LogReader:
    """What is in the log of one database, as it was committed; what is sealed is opened by `vault`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self.vault = database, vault

    def find(self, decision_id: str) -> Record | None:
        """The record of a decision."""
        return self._one("decision_id = ?", [decision_id])

    def find_own(self, partner: str, decision_id: str) -> Record | None:
        """The record of a decision, if it is the partner's."""
        return self._one(f"decision_id = ? AND partner = ? AND {DECISIONS}", [decision_id, partner])

    def find_key(self, partner: str, idempotency_key: str) -> Record | None:
        """The record that answered a partner's request."""
        return self.find_keys(partner, [idempotency_key]).get(idempotency_key)

    def find_keys(self, partner: str, idempotency_keys: Sequence[str]) -> dict[str, Record]:
        """The records that answered a partner's requests, by their keys; without those that were never answered."""

        def work(session: Session) -> list[Row]:
            among, keys = session.among(idempotency_keys)
            sql = f"SELECT {_ALL} FROM decisions WHERE idempotency_key IN {among} AND partner = ?"
            return session.rows(sql, [keys, partner])

        found = map(self._record, self._database.read(work))
        return {record.idempotency_key: record for record in found}

    def answered(self, partner: str, idempotency_keys: Sequence[str]) -> set[str]:
        """Those of a partner's keys under which a request was answered."""

        def work(session: Session) -> list[Row]:
            among, keys = session.among(idempotency_keys)
            sql = f"SELECT idempotency_key FROM decisions WHERE idempotency_key IN {among} AND partner = ?"
            return session.rows(sql, [keys, partner])

        return {key for (key,) in self._database.read(work)}

    def read(self, portfolio: str, since: datetime, until: datetime) -> Iterator[Record]:
        """The decisions of a portfolio made in [since, until), by time."""
        return map(self._record, self.select(COLUMNS, portfolio, since, until))

    def read_person(self, portfolio: str, entity_id: str) -> list[Record]:
        """Every record of a person that is not erased, in the order of the chain."""
        person = self.vault.person(portfolio, entity_id)
        rows = self._rows(f"SELECT {_ALL} FROM decisions WHERE person = ? ORDER BY sequence", [person])
        return [self._record(row) for row in rows]

    def read_opened(
        self, columns: Sequence[str], portfolio: str, since: datetime, until: datetime
    ) -> Iterator[tuple[dict[str, Any], Opened | None]]:
        """Chosen columns of the decisions made in [since, until), by time, with what is sealed in each."""
        names = tuple(dict.fromkeys((*columns, "decision_id", "portfolio", "decided_at", *SEALED)))
        for row in self.select(names, portfolio, since, until):
            stored = dict(zip(names, row, strict=True))
            yield stored, self.vault.open(stored)

    def select(
        self, columns: Sequence[str], portfolio: str, since: datetime, until: datetime, which: str = DECISIONS
    ) -> Iterator[Row]:
        """Chosen columns, as stored, of the decisions of a portfolio made in [since, until), by time, page by page."""
        names = ", ".join(("decided_at", "sequence", *columns))
        sql = (
            f"SELECT {names} FROM decisions WHERE portfolio = ? AND (decided_at, sequence) > (?, ?) AND decided_at < ?"
            f" AND {which} ORDER BY decided_at, sequence LIMIT {PAGE}"
        )
        place, end = (time_text(since), -1), time_text(until)
        while page := self._rows(sql, [portfolio, *place, end]):
            yield from (row[2:] for row in page)
            place = page[-1][:2]

    def head(self) -> Head:
        """Where the chain ends."""
        return self._database.read(read_head)

    def times(self) -> tuple[str | None, str | None]:
        """The first and the last time of a decision, as RFC 3339; None in an empty log."""
        sql = f"SELECT min(decided_at), max(decided_at) FROM decisions WHERE {DECISIONS}"
        first, last = self._rows(sql, [])[0]
        return first, last

    def has_link(self, hash_: str) -> bool:
        """Whether a batch of the chain has this hash, as its head had it once."""
        return bool(self._rows("SELECT 1 FROM decision_batches WHERE hash = ?", [hash_]))

    def leaf(self, sequence: int) -> str | None:
        """The hash of the record at a place in the chain."""
        rows = self._rows("SELECT leaf FROM decisions WHERE sequence = ?", [sequence])
        return rows[0][0] if rows else None

    def read_chain(self, after: int, last: int) -> Iterator[tuple[dict[str, Any], Opened | None]]:
        """The records of every kind at the places (after, last] of the chain, with what is sealed in each."""
        for row in self._pages("decisions", "sequence", ("sequence", *COLUMNS), last, after):
            stored = dict(zip(("sequence", *COLUMNS), row, strict=True))
            yield stored, self.vault.open(stored)

    def read_places(self, portfolio: str, after: int, last: int) -> Iterator[Record]:
        """The decisions of a portfolio at the places (after, last] of the chain, in their order."""
        sql = (
            f"SELECT {_ALL} FROM decisions WHERE portfolio = ? AND sequence > ? AND sequence <= ?"
            f" AND {DECISIONS} ORDER BY sequence"
        )
        return map(self._record, self._rows(sql, [portfolio, after, last]))

    def _one(self, where: str, values: Sequence[str]) -> Record | None:
        rows = self._rows(f"SELECT {_ALL} FROM decisions WHERE {where}", values)
        return self._record(rows[0]) if rows else None

    def _record(self, row: Row) -> Record:
        stored = dict(zip(COLUMNS, row, strict=True))
        return decode(stored, self.vault.open(stored))

    def _rows(self, sql: str, values: Sequence[object]) -> list[Row]:
        return self._database.read(lambda session: session.rows(sql, values))

    def _pages(self, table: str, key: str, columns: Sequence[str], last: int, after: int = -(2**63)) -> Iterator[Row]:
        """All rows after `after` up to `last` in the order of `key`, which is the first of `columns`."""
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE {key} > ? AND {key} <= ? ORDER BY {key} LIMIT {PAGE}"
        while page := self._rows(sql, [after, last]):
            yield from page
            after = page[-1][0]
