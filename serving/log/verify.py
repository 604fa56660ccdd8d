"""Check the chain record by record and name the first thing that is not as it was written."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from serving.log.canonical import CanonicalError
from serving.log.chain import Head, Link, leaf_hash, link_hash, merkle_root
from serving.log.database import Database, Row, Session
from serving.log.entry import COLUMNS, DOCUMENTS, SEALED, VAULT, body, commit
from serving.log.vault import SealBroken, Vault

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Broken:
    """The first fault of a chain; without a sequence number it is the batch or the head itself."""

    batch: int
    problem: str
    sequence: int | None = None
    decision_id: str | None = None

    def __str__(self) -> str:
        record = "" if self.sequence is None else f", record {self.sequence}"
        name = "" if self.decision_id is None else f" (decision {self.decision_id})"
        return f"batch {self.batch}{record}{name}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Verification:
    """How far the chain holds, and what broke it if anything did."""

    head: Head
    broken: Broken | None = None

    @property
    def valid(self) -> bool:
        """Whether nothing was found broken."""
        return self.broken is None


@dataclass(frozen=True, slots=True)
class Seals:
    """How sealed columns are checked: opened by the vault (None: without keys they are not), unless `erased`."""

    vault: Vault | None
    erased: Callable[[str, int], bool]

    def problem(self, stored: Mapping[str, Any], sequence: int) -> str | None:
        """What is wrong with the sealed columns of a row."""
        if all(stored[name] is None for name in VAULT):
            known = self.erased(stored["decision_id"], sequence)
            return None if known else "its personal columns are gone, but the log has no record of an erasure"
        if self.vault is None:
            return None
        try:
            opened = self.vault.open(stored)
        except SealBroken as error:
            return str(error)
        if opened is None:
            return "one of its personal columns is gone, but not all"
        half = len(opened.salt) // 2
        for name, text, salt in zip(
            SEALED, (opened.subject, opened.features), (opened.salt[:half], opened.salt[half:]), strict=True
        ):
            if commit(salt, text.encode()) != stored[f"{name}_commitment"]:
                return f"{name} or its salt is not what was committed to"
        person = self.vault.person(stored["portfolio"], orjson.loads(opened.subject)["entity_id"])
        return None if stored["person"] == person else "the hash that finds its person is another one's"


class Erased:
    """The decisions that the log's own erasures name; those records are in the chain themselves.

    An erasure speaks of what was there before it: neither of itself, or it could do without a seal, nor of later ones.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, int] = {}

    def __call__(self, decision_id: str, sequence: int) -> bool:
        """Whether a decision was erased; looks again for one that is not known, as erasing may go on."""
        if sequence >= self._known.get(decision_id, 0):
            self._known = self._database.read(_erased_decisions)
        return sequence < self._known.get(decision_id, 0)


def _erased_decisions(session: Session) -> dict[str, int]:
    """The place of the last erasure that names each."""
    rows = session.rows("SELECT sequence, inputs FROM decisions WHERE kind = 'erasure' ORDER BY sequence")
    found: dict[str, int] = {}
    for sequence, inputs in rows:
        with suppress(ValueError, KeyError, TypeError):  # one that was changed is named when its turn comes
            found.update(dict.fromkeys(orjson.loads(inputs)["decision_ids"], sequence))
    return found


def verify_chain(
    links: Iterator[Link],
    rows: Iterator[Row],
    head: Head,
    extra: int = 0,
    progress: Progress | None = None,
    *,
    vault: Vault | None = None,
    erased: Callable[[str, int], bool] = lambda name, sequence: False,
    check_link: Callable[[Link], str | None] | None = None,
) -> Verification:
    """Check `links` and `rows` (sequence, *COLUMNS), both in their order, up to `head`.

    `extra` counts rows found beyond the head. `progress` gets (records checked, records in all) after each batch.
    `check_link` says what is wrong with a link seen from outside, by an anchor.
    """
    at, seals = Head(), Seals(vault, erased)
    for link in links:
        broken = _check_link(link, at) or _check_records(link, rows, seals)
        if broken is None and check_link is not None and (problem := check_link(link)) is not None:
            broken = Broken(link.number, problem)
        if broken is not None:
            return Verification(at, broken)
        at = link.head
        if progress is not None:
            progress(at.records, head.records)
    return Verification(at, _check_end(at, head, next(rows, None), extra))


def _check_link(link: Link, at: Head) -> Broken | None:
    number = at.number + 1
    if link.number != number:
        return Broken(number, f"missing; found batch {link.number} in its place")
    if link.previous != at.hash:
        return Broken(number, f"its previous hash is {link.previous}, but the batch before it has {at.hash}")
    if link.hash != link_hash(number, link.first, link.records, link.root, link.previous):
        return Broken(number, "its number of records, root or hash was changed")
    if link.first != at.records + 1:
        return Broken(number, f"it starts at record {link.first}, expected {at.records + 1}")
    return None


def _check_records(link: Link, rows: Iterator[Row], seals: Seals) -> Broken | None:
    leaves = []
    for sequence in range(link.first, link.first + link.records):
        row = next(rows, None)
        if row is None or row[0] != sequence:
            return Broken(link.number, f"missing; found record {row[0] if row else 'none'} in its place", sequence)
        stored = dict(zip(COLUMNS, row[1:], strict=True))
        problem = seals.problem(stored, sequence) or check_row(stored)
        if problem is not None:
            return Broken(link.number, problem, sequence, str(stored["decision_id"]))
        leaves.append(stored["leaf"])
    if merkle_root(leaves) != link.root:
        return Broken(link.number, "its records do not give its Merkle root: records were replaced or moved")
    return None


def check_row(stored: Mapping[str, Any]) -> str | None:
    """What is wrong with the open columns of a row, None when their hash is its own."""
    try:
        for name in DOCUMENTS:
            orjson.loads(stored[name])  # each a whole value, or text could wander from one column to the next
        found = leaf_hash(body(stored))
    except (ValueError, TypeError, CanonicalError) as error:
        return f"a column is not as it was written: {error}"
    return None if found == stored["leaf"] else f"its columns hash to {found}, but it was recorded as {stored['leaf']}"


def _check_end(at: Head, head: Head, left: Row | None, extra: int) -> Broken | None:
    if at != head:
        return Broken(head.number, f"the head says {head}, but the chain ends in {at}")
    if left is not None:
        return Broken(head.number, "in no batch", left[0])
    if extra:
        return Broken(head.number, f"found {extra} records or batches after the head, expected none")
    return None
