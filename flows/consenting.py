"""`lendloop consent`: what people consented to, recorded and shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.table import Table

from flows.deciding import given_time
from flows.terminal import console
from flows.workspace import open_workspace
from serving.consents import PURPOSES, BadConsent, Consent, ConsentBook, Word, open_consents
from serving.desk import is_id
from serving.policy import ConsentPurpose


def record_consent(portfolio: str, entity: str, purpose: str, state: Word, source: str, at: str, by: str) -> None:
    """Record that a person granted or withdrew consent to one purpose."""
    given = Consent(_purpose(purpose), state, given_time(at), source)
    with _opened(portfolio, entity) as book:
        new = book.record(portfolio, entity, given, by=by, at=datetime.now(UTC))
    known = "nothing recorded; that word of that time stands there already, or was erased with the person"
    console.print(f"{purpose} {state}: {'recorded; it holds for requests from now' if new else known}")


def show_consents(portfolio: str, entity: str) -> None:
    """Print every word of a person, oldest first."""
    with _opened(portfolio, entity) as book:
        found = book.history(portfolio, entity)
    table = Table("purpose", "state", "at", "source", "recorded by", "recorded", box=None)
    for one in found:
        said = one.consent
        when, noted = f"{said.at:%Y-%m-%d %H:%M:%S}", f"{one.recorded_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(said.purpose, said.state, when, said.source, one.by, noted)
    console.print(table if found else "this person said nothing about any purpose")


@contextmanager
def _opened(portfolio: str, entity: str) -> Iterator[ConsentBook]:
    workspace = open_workspace(portfolio)
    if not is_id(entity, of := workspace.portfolio.features.entity.type):
        expected = "an integer without leading zeros" if of == "int" else "text of up to 128 characters"
        raise BadConsent(f"entity: expected an id as decisions of {portfolio} have it, {expected}")
    book = open_consents(workspace.settings.decision_log_url, workspace.log.vault)
    try:
        yield book
    finally:
        book.close()
        workspace.log.close()


def _purpose(text: str) -> ConsentPurpose:
    for purpose in PURPOSES:
        if purpose == text:
            return purpose
    raise BadConsent(f"purpose: found {text!r}; expected one of {', '.join(PURPOSES)}")
