"""What people consented to, by purpose, in the database of the decision log: every word of theirs is a row that stays,
and an act in the chain.

Whose consent it is stands there as the keyed hash under which the log finds a person; without the log's keys nobody can
tell whose it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from serving.log.act import deed
from serving.log.database import Row, Session
from serving.log.erasure import SAID, WORDS_IN_ORDER, word
from serving.log.ledger import Ledger, open_ledger
from serving.log.record import Record, time_text
from serving.log.vault import Vault
from serving.policy import ConsentPurpose

Word = Literal["granted", "withdrawn"]
State = Literal["granted", "withdrawn", "none", "unknown"]
"""`none`: the person said nothing; `unknown`: it could not be looked up. Only `granted` permits."""
PURPOSES: tuple[ConsentPurpose, ...] = get_args(ConsentPurpose)
LONGEST_SOURCE = 128
_COLUMNS = ("number", "person", "purpose", "state", "at", "source", "recorded_by", "recorded_at")
STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS consents (number BIGINT PRIMARY KEY, person TEXT NOT NULL, purpose TEXT NOT NULL,"
    " state TEXT NOT NULL, at TEXT NOT NULL, source TEXT NOT NULL, recorded_by TEXT NOT NULL,"
    " recorded_at TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS consents_person ON consents (person, purpose, at)",
)


class BadConsent(ValueError):
    """A consent cannot be recorded as it was described."""


@dataclass(frozen=True, slots=True)
class Consent:
    """One word of a person about one purpose; `at` is when it was given, `source` how (a form, a call, a partner)."""

    purpose: ConsentPurpose
    state: Word
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A consent as it stands in the book, with who recorded it and when."""

    consent: Consent
    by: str
    recorded_at: datetime


class ConsentBook:
    """Consents of all portfolios; every method blocks and may be called from any thread."""

    def __init__(self, ledger: Ledger, vault: Vault) -> None:
        self._ledger, self._vault = ledger, vault

    def record(self, portfolio: str, entity_id: str, consent: Consent, *, by: str, at: datetime) -> bool:
        """Add a word; False where it stands there already, or did until an erasure took it."""
        if not 0 < len(consent.source) <= LONGEST_SOURCE or not consent.source.isprintable():
            raise BadConsent(f"source: expected 1 to {LONGEST_SOURCE} printable characters that say how it was given")
        person = self._vault.person(portfolio, entity_id)
        said = (person, consent.purpose, consent.state, time_text(consent.at), consent.source)
        erased = self._vault.mark(word(*said[:4]))

        def work(session: Session) -> tuple[bool, list[Record]]:
            # An erasure leaves no source, and in the person's place a mark; but for a refusal that holds.
            same = "person IN (?, ?) AND purpose = ? AND state = ? AND at = ? AND source IN (?, '')"
            if session.rows(f"SELECT 1 FROM consents WHERE {same}", [erased, *said]):
                return False, []
            number = int(session.rows("SELECT coalesce(max(number), 0) + 1 FROM consents")[0][0])
            session.insert("consents", _COLUMNS, [(number, *said, by, time_text(at))])
            # The person and what was said of how are sealed, found by the log's keyed hash, and erased as ever.
            more = {"number": number, "purpose": consent.purpose, "said_at": time_text(consent.at)}
            sealed = {"source": consent.source}
            act = deed("consent", consent.state, by, at, more, portfolio=portfolio, subject=entity_id, personal=sealed)
            return True, [act]

        return self._ledger.enact(portfolio, at, work)

    def states(
        self, portfolio: str, entities: Sequence[str], purposes: Sequence[ConsentPurpose], at: datetime
    ) -> list[dict[str, State]]:
        """What each person's last word until `at` is about each of the purposes; one query for all of them.

        A word that a clock ahead of ours dates later counts from when we were told.
        """
        persons = [self._vault.person(portfolio, entity) for entity in entities]

        def work(session: Session) -> list[Row]:
            among, value = session.among(list(dict.fromkeys(persons)))
            said = f"person IN {among} AND {SAID} <= ?"
            sql = f"SELECT person, purpose, state FROM consents WHERE {said} {WORDS_IN_ORDER}"
            return session.rows(sql, [value, time_text(at)])

        last = {(person, purpose): state for person, purpose, state in self._ledger.read(work)}
        return [{purpose: last.get((person, purpose), "none") for purpose in purposes} for person in persons]

    def history(self, portfolio: str, entity_id: str) -> list[Recorded]:
        """Every word of a person, oldest first."""
        sql = f"SELECT {', '.join(_COLUMNS[2:])} FROM consents WHERE person = ? {WORDS_IN_ORDER}"
        person = self._vault.person(portfolio, entity_id)
        return [_recorded(*row) for row in self._ledger.read(lambda session: session.rows(sql, [person]))]

    def close(self) -> None:
        """Close the database."""
        self._ledger.close()


def open_consents(url: str, vault: Vault) -> ConsentBook:
    """The consents at the decision log's URL, their table made when missing; or `LogUnavailable`."""
    return ConsentBook(open_ledger(url, "consents", STATEMENTS, vault), vault)


def unknown(purposes: Sequence[ConsentPurpose]) -> Mapping[str, State]:
    """What is known when consents cannot be looked up."""
    return dict.fromkeys(purposes, "unknown")


def _recorded(
    purpose: ConsentPurpose, state: Word, at: str, source: str, recorded_by: str, recorded_at: str
) -> Recorded:
    consent = Consent(purpose, state, datetime.fromisoformat(at), source)
    return Recorded(consent, recorded_by, datetime.fromisoformat(recorded_at))
