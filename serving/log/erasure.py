"""A person's right to be erased: what is personal goes, the chain and the act itself stay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.log.act import RANDOM_BYTES, about, act_record, deed
from serving.log.canonical import Json
from serving.log.database import Session
from serving.log.record import Record

__all__ = [
    "RANDOM_BYTES",
    "WORDS_ERASED",
    "WORDS_IN_ORDER",
    "Erasure",
    "erase_rows",
    "erased_tables",
    "forget_shadow",
    "forget_words",
    "holder",
    "word",
]

WORDS_ERASED = "erased"
"""The act, among those about consents, that says what an erasure left of a person's words."""

SAID = "CASE WHEN at < recorded_at THEN at ELSE recorded_at END"
"""When a word counts from: none later than it was told, whatever the clock was by which it is dated."""
# `granted` is before `withdrawn` in every collation: whoever said both at one instant refused, however they arrived.
WORDS_IN_ORDER = f"ORDER BY {SAID}, state, number"
"""How a person's words on a purpose follow one another; the last one holds."""

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

    def acts(self, decision_ids: list[str], words: Mapping[str, Json]) -> list[Record]:
        """What is put on record of it; nothing where nothing was erased. `words`: what `forget_words` returned."""
        if not decision_ids and not words:
            return []
        told = {"words": words}
        left = [deed("consent", WORDS_ERASED, self.by, self.at, told, portfolio=self.portfolio)] if words else []
        return [self.record(decision_ids), *left]

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


def word(person: str, purpose: str, state: str, at: str) -> list[Json]:
    """What the mark of a person's word is made of: told again after an erasure it is known, and counts no more."""
    return ["consents", "word", person, purpose, state, at]


def holder(number: int, person: str) -> list[Json]:
    """What the mark of an erased word's row is made of; `person`: what stands there in the person's place."""
    return ["consents", number, person]


def forget_words(session: Session, person: str, mark: Callable[[Sequence[Json]], str]) -> dict[str, Json]:
    """Take out of a person's consents how each was given, and whose it was; a mark of what is left, by number.

    In the person's place stands a mark of the word alone, which ties it to no other word of theirs; `record` knows by
    it a word that is told again. A purpose that they refused last keeps the hash on that one word: who applies again
    would otherwise be one who never refused.
    """
    if not session.columns("consents"):
        return {}
    sql = f"SELECT number, purpose, state, at, source FROM consents WHERE person = ? {WORDS_IN_ORDER}"
    rows = session.rows(sql, [person])
    last = {purpose: number for number, purpose, *_ in rows}
    left: dict[str, Json] = {}
    for number, purpose, state, at, source in rows:
        kept = state == "withdrawn" and last[purpose] == number
        if source or not kept:
            stays = person if kept else mark(word(person, purpose, state, at))
            session.run("UPDATE consents SET source = '', person = ? WHERE number = ?", [stays, number])
            left[str(number)] = mark(holder(number, stays))
    return left


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
