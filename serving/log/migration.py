"""Make the tables of the log, or bring those of an earlier version to this one, each step in one transaction."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from serving.log.act import EVERYWHERE
from serving.log.books import adoptions
from serving.log.commit import commit_entries, read_head
from serving.log.database import CleaningWaits, Database, LogUnavailable, Row, Session
from serving.log.entry import OPEN, SEALED, VAULT, Entry, Opened, decode, encode
from serving.log.record import time_text
from serving.log.schema import BOOK_INDEX, READABLE, STATEMENTS, VERSION
from serving.log.vault import INDEX, Vault

PAGE = 500
_OLD = (*OPEN, *(f"{name}{part}" for name in SEALED for part in ("", "_salt")))
_INDEXES = ("decisions_id", "decisions_key", "decisions_time")


class OtherLog(LogUnavailable):
    """The database was written by another version of Lendloop, and cannot be used as it is."""


def prepare(database: Database, vault: Vault) -> None:
    """Make or migrate the tables where that is needed; nothing is written to a log of this version."""
    found = version(database)
    if found is not None and found > VERSION:
        raise OtherLog(f"{database.name}: found a log of version {found}, expected {VERSION}; use a newer Lendloop")
    if found == VERSION:
        database.tidy()
        return
    if found is None or found < min(READABLE):
        _make(database, vault, found)
    if found is not None:
        _adopt(database, vault)


def check(database: Database) -> None:
    """Refuse a log that would have to be migrated before it can be read."""
    found = version(database)
    if found is not None and found not in READABLE:
        advice = (
            "any command that writes migrates it, such as `lendloop log rekey`"
            if found < VERSION
            else "use a newer Lendloop"
        )
        raise OtherLog(f"{database.name}: found a log of version {found}, expected {VERSION}; {advice}")


def _make(database: Database, vault: Vault, found: int | None) -> None:
    """Make the tables, or seal what stands in those of version 1 in plain text."""

    def work(session: Session) -> bool:
        session.run("CREATE TABLE IF NOT EXISTS decision_schema (version SMALLINT NOT NULL)")
        if session.rows("SELECT version FROM decision_schema"):
            return False  # another process did it while this one waited
        if found is None:
            _create(session, vault)
        else:
            _seal_plain(session, vault)
        session.run("INSERT INTO decision_schema VALUES (?)", [VERSION if found is None else min(READABLE)])
        return found is not None

    if database.alone(work):
        with suppress(CleaningWaits):  # the next opening cleans
            database.scrub("decisions")


def _adopt(database: Database, vault: Vault) -> None:
    """Put the books of version 2 on record as they are found; from then on no row is without an act."""
    at = datetime.now(UTC)
    vault.prepare(EVERYWHERE, time_text(at)[:10])
    database.create([BOOK_INDEX])

    def work(session: Session) -> None:
        if session.rows("SELECT version FROM decision_schema") != [(min(READABLE),)]:
            return  # another process did it while this one waited
        entries = [encode(act) for act in adoptions(session, vault, at)]
        if entries:
            sealed = vault.seal(entries)
            head = read_head(session, session.for_update)  # on Postgres decisions wait from here on only
            commit_entries(session, head, entries, sealed, vault)
        session.run("UPDATE decision_schema SET version = ?", [VERSION])

    database.alone(work)


def _create(session: Session, vault: Vault) -> None:
    for statement in STATEMENTS:
        session.run(statement)
    vault.ensure(session, INDEX)


def version(database: Database) -> int | None:
    """The version of the log's tables; None: there are none, or the database cannot be read (and then not made)."""
    try:
        rows = database.read(lambda session: session.rows("SELECT version FROM decision_schema"))
        return int(rows[0][0]) if rows else None
    except LogUnavailable:
        pass
    try:
        database.read(lambda session: session.rows("SELECT subject_salt FROM decisions LIMIT 1"))
    except LogUnavailable:
        return None
    return 1


def _seal_plain(session: Session, vault: Vault) -> None:
    """Copy the plain rows of version 1 into sealed ones, and drop the plain ones; leaves and links stay as they are."""
    vault.forget()  # the transaction may be an undone one's second attempt
    for index in _INDEXES:
        session.run(f"DROP INDEX {index}")
    session.run("ALTER TABLE decisions RENAME TO decisions_plain")
    _create(session, vault)
    for page in _pages(session):
        rows = [(row[0], *row[1 : 1 + len(OPEN)], *_sealed(session, row, vault)) for row in page]
        session.insert("decisions", ("sequence", *OPEN, *VAULT), rows)
    session.run("DROP TABLE decisions_plain")


def _pages(session: Session) -> Iterator[list[Row]]:
    names, after = ", ".join(("sequence", *_OLD)), 0
    sql = f"SELECT {names} FROM decisions_plain WHERE sequence > ? ORDER BY sequence LIMIT {PAGE}"
    while page := session.rows(sql, [after]):
        yield page
        after = page[-1][0]


def _sealed(session: Session, row: Row, vault: Vault) -> tuple[Any, ...]:
    stored = dict(zip(_OLD, row[1:], strict=True))
    salts = {name: bytes.fromhex(stored[f"{name}_salt"]) for name in SEALED}
    opened = Opened(stored["subject"], stored["features"], b"".join(salts.values()))
    plain = tuple(salts[name] + stored[name].encode() for name in SEALED)
    entry = Entry(decode(stored, opened), tuple(stored[name] for name in OPEN), plain)
    return vault.seal_in(session, entry)
