"""A person's right to be erased: what is personal goes, the chain and the act itself stay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.log.act import RANDOM_BYTES, about, act_record
from serving.log.database import Session
from serving.log.record import Record

__all__ = ["RANDOM_BYTES", "Erasure", "erase_rows", "erased_tables", "forget_shadow", "forget_words"]

_ERASE = "UPDATE decisions SET subject = NULL, features = NULL, person = NULL WHERE person IN"


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who is to be erased, on whose word and why; the reason is kept for ever, so it must not name the person."""

    portfolio: str
    entity_id: str
    by: str
    reason: str
    at: datetime
    randomness: bytes  # RANDOM_BYTES random bytes

    def record(self, decision_ids: list[str]) -> Record:
        """The record of the act: it names decisions, never the person."""
        return act_record(
            "erasure",
            "erased",
            {"by": self.by, "reason": self.reason, "decision_ids": decision_ids},
            portfolio=self.portfolio,
            at=self.at,
            randomness=self.randomness,
        )


def forget_shadow(session: Session, decision_ids: Sequence[str]) -> None:
    """Remove what a challenger would have decided in the place of these decisions, where one was ever tried."""
    if decision_ids and session.columns("shadow_decisions"):
        among, names = session.among(decision_ids)
        session.run(f"DELETE FROM shadow_decisions WHERE decision_id IN {among}", [names])


def forget_words(session: Session, person: str) -> bool:
    """Take out of a person's consents how each was given, and whose it was; whether there was anything to take.

    A purpose that they refused last keeps the hash on that one word: who applies again would otherwise be one who never
    refused. A grant permits nothing any more.
    """
    if not session.columns("consents"):
        return False
    sql = "SELECT number, purpose, state, source FROM consents WHERE person = ? ORDER BY at, number"
    rows = session.rows(sql, [person])
    last = {purpose: number for number, purpose, _, _ in rows}
    forgotten = False
    for number, purpose, state, source in rows:
        kept = state == "withdrawn" and last[purpose] == number
        if source or not kept:
            change = "UPDATE consents SET source = '', person = ? WHERE number = ?"
            session.run(change, [person if kept else "", number])
            forgotten = True
    return forgotten


def erased_tables(session: Session) -> list[str]:
    """The tables that hold something of a person until it is erased."""
    return [table for table in ("decisions", "consents") if session.columns(table)]


def erase_rows(session: Session, person: str, person_of: Callable[[str], str]) -> list[str]:
    """Take what is personal out of every record of a person, and out of what was said in their reviews; which ones.

    `person`: the keyed hash they are found by; `person_of`: that of a subject.
    """
    rows = session.rows("SELECT decision_id FROM decisions WHERE person = ? ORDER BY sequence", [person])
    if not rows:
        return []
    subjects = [person, *(person_of(about(name)) for (name,) in rows)]
    among, value = session.among(subjects)
    found = session.rows(f"SELECT decision_id FROM decisions WHERE person IN {among} ORDER BY sequence", [value])
    session.run(f"{_ERASE} {among}", [value])
    return [name for (name,) in found]
