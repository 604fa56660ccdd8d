"""One group commit: settle idempotency, write the records, add one link to the chain."""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.log.chain import Head, Link, extend
from serving.log.database import Session
from serving.log.entry import COLUMNS, Entry, RecordError, decode
from serving.log.record import Record
from serving.log.schema import HEAD, LINKS

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


def commit_entries(session: Session, head: Head, entries: Sequence[Entry]) -> list[Outcome]:
    """Write `entries` after the locked `head`; one outcome for each, in their order."""
    owners = _owners(session, entries)
    ids = set(owners.values())
    ours: dict[str, Entry] = {}
    for entry in entries:
        slot, name = _slot(entry.record), entry.record.decision_id
        if slot not in owners and name not in ids:
            owners[slot] = name
            ids.add(name)
            ours[name] = entry
    if ours:
        _write(session, extend(head, [entry.leaf for entry in ours.values()]), list(ours.values()))
    winners = _winners(session, entries, owners, ours)
    return [_outcome(entry.record, winners.get(_slot(entry.record))) for entry in entries]


def _owners(session: Session, entries: Sequence[Entry]) -> dict[Slot, str]:
    """Who holds a slot or a decision id that one of `entries` wants."""
    keys, key_list = session.among([entry.record.idempotency_key for entry in entries])
    ids, id_list = session.among([entry.record.decision_id for entry in entries])
    columns = "SELECT partner, idempotency_key, decision_id FROM decisions WHERE"
    sql = f"{columns} idempotency_key IN {keys} UNION {columns} decision_id IN {ids}"
    return {(partner, key): name for partner, key, name in session.rows(sql, [key_list, id_list])}


def _write(session: Session, link: Link, entries: Sequence[Entry]) -> None:
    rows = [(sequence, *entry.row) for sequence, entry in enumerate(entries, link.first)]
    session.insert("decisions", ("sequence", *COLUMNS), rows)
    session.insert("decision_batches", LINKS, [tuple(getattr(link, name) for name in LINKS)])
    end = link.head
    changes = ", ".join(f"{name} = ?" for name in HEAD)
    session.run(f"UPDATE decision_head SET {changes}", [getattr(end, name) for name in HEAD])


def _winners(
    session: Session, entries: Sequence[Entry], owners: dict[Slot, str], ours: dict[str, Entry]
) -> dict[Slot, Record]:
    names = {slot: owners[slot] for slot in (_slot(entry.record) for entry in entries) if slot in owners}
    stored = {name for name in names.values() if name not in ours}
    records = {name: entry.record for name, entry in ours.items()}
    if stored:
        among, values = session.among(sorted(stored))
        found = session.rows(f"SELECT {', '.join(COLUMNS)} FROM decisions WHERE decision_id IN {among}", [values])
        records |= {record.decision_id: record for record in map(decode, found)}
    return {slot: records[name] for slot, name in names.items()}


def _outcome(record: Record, winner: Record | None) -> Outcome:
    if winner is None:
        return DuplicateDecision(f"decision_id: found {record.decision_id!r} in the log already; expected a new one")
    if winner.request_digest != record.request_digest:
        return IdempotencyConflict(
            f"idempotency_key: {record.idempotency_key!r} was used by decision {winner.decision_id} for another"
            " request; expected the same request, or a new key"
        )
    return Appended(winner, winner.decision_id == record.decision_id)


def _slot(record: Record) -> Slot:
    return record.partner, record.idempotency_key
