"""The books beside the log: which tables they are, and keyed digests that tie a row of one to an act in the chain.

An act never holds what is personal or secret in a row, such as a password's hash; it holds a mark of it: a keyed
digest, by which a row can be held against its act, and of which nobody without the log's keys can tell anything.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.log.act import deed
from serving.log.canonical import CanonicalError, Json, canonical
from serving.log.database import Row, Session
from serving.log.record import PLATFORM, Record
from serving.log.vault import Vault

ADOPT = "adopt"
AT_ONCE = 500  # rows that one act adopts


@dataclass(frozen=True, slots=True)
class Table:
    """A table that acts change: its key, and the columns that stay or are changed by acts alone."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    later: frozenset[str] = frozenset()
    """Columns that tables of earlier versions may lack: their rows are empty there."""

    def mark(self, vault: Vault, row: Row) -> str:
        """The mark of a whole row of `columns`; of a value that is no JSON, which no book writes, by how it prints."""
        try:
            return vault.mark([self.name, *row])
        except CanonicalError:
            return vault.mark([self.name, *(one if isinstance(one, str | None) else [repr(one)] for one in row)])

    def key_of(self, row: Row) -> Row:
        """The key of a row of `columns`, which begin with it."""
        return tuple(row[: len(self.key)])


PARTNERS = Table(
    "partners",
    ("name",),
    ("name", "scopes", "portfolios", "quota", "concurrency", "added_at", "added_by", "revoked_at", "revoked_by"),
)
KEYS = Table("partner_keys", ("id",), ("id", "partner", "hash", "made_at", "made_by", "ends_at"))
PAUSES = Table(
    "approval_pauses",
    ("portfolio", "as_of", "cause"),
    ("portfolio", "as_of", "cause", "reason", "paused_by", "since", "until", "lifted_at", "lifted_by", "lift_reason"),
    frozenset({"lift_reason"}),
)
# Without the person and how it was said: an erasure takes them out (`erasure.forget_words`), a mark of them would stay.
CONSENTS = Table("consents", ("number",), ("number", "purpose", "state", "at", "recorded_by", "recorded_at"))
# Without failures and locked_until: an attempt is counted before anybody knows who makes it, and is no act.
STAFF = Table(
    "staff",
    ("name",),
    (
        *("name", "roles", "portfolios", "password", "issuer", "subject", "generation"),
        *("added_at", "added_by", "ended_at", "ended_by", "signed_in_at"),
    ),
)
VERSIONS = Table("list_versions", ("number",), ("number", "at", "changed_by", "action", "entries"))
ENTRIES = Table(
    "list_entries",
    ("id",),
    (
        *("id", "digest", "list", "kind", "portfolio", "match", "hash", "source", "reason", "valid_from"),
        *("valid_until", "added_by", "added_at", "since_version", "ended_by", "ended_at", "ended_version"),
    ),
)
TABLES = (PARTNERS, KEYS, PAUSES, CONSENTS, STAFF, VERSIONS, ENTRIES)
"""The books; what is in them without an act was there before acts were kept, and was adopted by one."""


def pages(session: Session, of: Table, size: int = 2000) -> Iterator[list[Row]]:
    """All rows of a table by its key, page by page; none where there is no such table or it is an older one's."""
    there = set(session.columns(of.name))
    if not there or not set(of.columns) - of.later <= there:
        return
    names = ", ".join(name if name in there else f"NULL AS {name}" for name in of.columns)
    keys = ", ".join(of.key)
    marks = ", ".join("?" for _ in of.key)
    first = f"SELECT {names} FROM {of.name} ORDER BY {keys} LIMIT {size}"
    following = f"SELECT {names} FROM {of.name} WHERE ({keys}) > ({marks}) ORDER BY {keys} LIMIT {size}"
    page = session.rows(first)
    while page:
        yield page
        page = session.rows(following, of.key_of(page[-1]))


def adoptions(session: Session, vault: Vault, at: datetime) -> Iterator[Record]:
    """Acts that put the rows of all books on record as they are found, in a log that was kept without marks."""
    for of in TABLES:
        for page in pages(session, of, AT_ONCE):
            # A key that no act can hold is left out: the audit names it.
            told = [row for row in page if _is_json(of.key_of(row))]
            rows: Sequence[Json] = [[list(of.key_of(row)), of.mark(vault, row)] for row in told]
            yield deed("staff", ADOPT, PLATFORM, at, {"book": of.name, "rows": rows})


def _is_json(key: Row) -> bool:
    with suppress(CanonicalError):
        return bool(canonical(list(key)))
    return False


def adopted(inputs: Any) -> dict[Row, str]:
    """The marks in an act that adopts, by key."""
    return {tuple(key): mark for key, mark in inputs["rows"]}
