"""One group commit: settle idempotency, write the records, add one link to the chain."""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.log.chain import Head, Link, extend
from serving.log.database import Row, Session
from serving.log.entry import COLUMNS, OPEN, VAULT, Entry, RecordError, decode
from serving.log.record import QUOTAS_USED, Record
from serving.log.schema import HEAD, LINKS
from serving.log.vault import Vault

Slot = tuple[str, str]  # partner, idempotency key


class IdempotencyConflict(RecordError):
    """The partner's idempotency key was used before, for another request."""


class DuplicateDecision(RecordError):
    """The decision id is taken by a record with another idempotency key."""


@dataclass(frozen=True, slots=True)
class Appended:
    """The record that the log holds under an idempotency key, and whether it is the one that was given."""

    record: Record
    ours: bool


Outcome = Appended | RecordError


def commit_entries(
    session: Session, head: Head, entries: Sequence[Entry], sealed: Sequence[Row], vault: Vault
) -> list[Outcome]:
    """Write `entries` with their `sealed` columns after the locked `head`; one outcome for each, in their order."""
    owners = _owners(session, entries)
    ids = set(owners.values())
    ours: dict[str, Entry] = {}
    rows: list[Row] = []
    for entry, secret in zip(entries, sealed, strict=True):
        slot, name = _slot(entry.record), entry.record.decision_id
        if slot not in owners and name not in ids:
            owners[slot] = name
            ids.add(name)
            ours[name] = entry
            rows.append((*entry.row, *secret))
    if ours:
        _write(session, extend(head, [entry.leaf for entry in ours.values()]), rows)
    winners = _winners(session, entries, owners, ours, vault)
    return [_outcome(entry.record, winners.get(_slot(entry.record))) for entry in entries]


def read_head(session: Session, lock: str = "") -> Head:
    """Where the chain ends; with a session's `for_update` as `lock`, nobody moves it before this transaction ends."""
    rows = session.rows(f"SELECT {', '.join(HEAD)} FROM decision_head{lock}")
    return Head(*rows[0]) if rows else Head(hash="missing")


def _owners(session: Session, entries: Sequence[Entry]) -> dict[Slot, str]:
    """Who holds a slot or a decision id that one of `entries` wants."""
    keys, key_list = session.among([entry.record.idempotency_key for entry in entries])
    ids, id_list = session.among([entry.record.decision_id for entry in entries])
    columns = "SELECT partner, idempotency_key, decision_id FROM decisions WHERE"
    sql = f"{columns} idempotency_key IN {keys} UNION {columns} decision_id IN {ids}"
    return {(partner, key): name for partner, key, name in session.rows(sql, [key_list, id_list])}


def _write(session: Session, link: Link, rows: Sequence[Row]) -> None:
    numbered = [(sequence, *row) for sequence, row in enumerate(rows, link.first)]
    session.insert("decisions", ("sequence", *OPEN, *VAULT), numbered)
    session.insert("decision_batches", LINKS, [tuple(getattr(link, name) for name in LINKS)])
    end = link.head
    changes = ", ".join(f"{name} = ?" for name in HEAD)
    session.run(f"UPDATE decision_head SET {changes}", [getattr(end, name) for name in HEAD])


def _winners(
    session: Session, entries: Sequence[Entry], owners: dict[Slot, str], ours: dict[str, Entry], vault: Vault
) -> dict[Slot, Record]:
    names = {slot: owners[slot] for slot in (_slot(entry.record) for entry in entries) if slot in owners}
    stored = {name for name in names.values() if name not in ours}
    records = {name: entry.record for name, entry in ours.items()}
    if stored:
        among, values = session.among(sorted(stored))
        found = session.rows(f"SELECT {', '.join(COLUMNS)} FROM decisions WHERE decision_id IN {among}", [values])
        for one in found:
            row = dict(zip(COLUMNS, one, strict=True))
            records[row["decision_id"]] = decode(row, vault.open(row))
    return {slot: records[name] for slot, name in names.items()}


def _outcome(record: Record, winner: Record | None) -> Outcome:
    if winner is None:
        return DuplicateDecision(f"decision_id: found {record.decision_id!r} in the log already; expected a new one")
    if winner.erased:
        return IdempotencyConflict(
            f"idempotency_key: {record.idempotency_key!r} was used by a decision whose person was erased since;"
            " expected a new key"
        )
    if not _same_request(winner, record):
        return IdempotencyConflict(
            f"idempotency_key: {record.idempotency_key!r} was used by decision {winner.decision_id} for another"
            " request; expected the same request, or a new key"
        )
    return Appended(winner, winner.decision_id == record.decision_id)


def _same_request(winner: Record, record: Record) -> bool:
    if winner.request_digest == record.request_digest:
        return True
    said = record.personal or {}
    # Earlier versions left an exposure of 0 out of the digest; then all that was said tells.
    return said.get("exposure") == 0 and _asked(winner) == _asked(record)


def _asked(record: Record) -> tuple[object, ...]:
    said = None if record.personal is None else {name: v for name, v in record.personal.items() if name != QUOTAS_USED}
    return record.kind, record.portfolio, record.entity_id, said


def _slot(record: Record) -> Slot:
    return record.partner, record.idempotency_key
