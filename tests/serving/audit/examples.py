"""A log with every act there is about every book, and what somebody may do to it by hand."""

import os
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from serving.audit.verdict import Audit, audit
from serving.consents import Consent, open_consents
from serving.lists.book import open_lists
from serving.lists.entry import Entry, Named
from serving.log.database import open_database
from serving.log.decision_log import DecisionLog
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.partners.book import open_book
from serving.partners.partner import make_partner
from serving.pauses import Pause, open_pauses
from serving.staff.book import open_staff
from serving.staff.member import make_member
from tests.serving.log.examples import START

SECRET = b"s" * 32
CARDS = "taiwan_cards"
DAY = timedelta(days=1)


def fill(log: DecisionLog, url: str) -> None:
    """Every act there is about every book, as people and partners do them."""
    with (
        closing(open_book(url, SECRET, log.vault)) as partners,
        closing(open_lists(url, SECRET, log.vault)) as lists,
        closing(open_consents(url, log.vault)) as consents,
        closing(open_pauses(url, log.vault)) as pauses,
    ):
        for name in ("shop", "mall"):
            partners.add(make_partner(name, "decide,read", CARDS, "50/s", 20), by="ann", at=START)
        partners.rotate("shop", overlap=DAY, by="bob", at=START + DAY)
        partners.rotate("shop", overlap=timedelta(0), by="bob", at=START + DAY)
        partners.change("shop", by="cyn", at=START + DAY, quota="9/m")
        partners.revoke("mall", by="os:root", at=START + 2 * DAY)
        for name in ("Ann Lee", "Bob Wu", "Cy Ma"):
            lists.add([Entry("tax", Named("name", name), "bureau", f"{name} owes")], by="ann", at=START)
        lists.expire(lists.show("tax")[0].id, by="ria", at=START + DAY)
        more = [Entry("tax", Named("name", f"person {n}"), "bureau", "owes") for n in range(9)]
        lists.add(more, by="ann", at=START, act="import")
        for entity, word in (("7", "granted"), ("7", "withdrawn"), ("8", "granted")):
            said = Consent("credit", word, START, "a call")  # type: ignore[arg-type]
            consents.record(CARDS, entity, said, by="partner:shop", at=START + DAY)
        for days in (0, 1):
            start = START + days * DAY
            pauses.set_pause(Pause(CARDS, start.date(), "psi", "drift", "monitoring", start))
        pauses.lift_pause(CARDS, lifted_by="ann", at=START + DAY, reason="read the report")
        until = START + 9 * DAY
        pauses.set_pause(Pause(CARDS, START.date(), "by hand", "why", "ann", START + 3 * DAY, until))
    staff(log, url)


def staff(log: DecisionLog, url: str) -> None:
    with closing(open_staff(url, log)) as book:
        book.add(make_member("ann", "reviewer", CARDS), by="root", at=START, password="$argon2id$one")
        book.add(make_member("bob", "auditor", "*"), by="root", at=START, identity=("https://idp", "b-1"))
        book.change(make_member("ann", "reviewer,auditor", CARDS), by="root", at=START)
        book.set_password("ann", "$argon2id$two", by="ann", at=START)
        book.signed_in("ann", "password", at=START + DAY)
        book.note("lock", "ann", by="ann", at=START, more={"failures": 5})
        book.end("bob", by="root", at=START + DAY)


def look(log: DecisionLog, url: str) -> Audit:
    assert log.verify().valid
    return audit(url, log.vault)


def change(url: str, *statements: str) -> None:
    """What somebody does to the tables by hand."""

    def work(session: Any) -> None:
        for statement in statements:
            session.run(statement)

    with closing(open_database(url)) as database:
        database.write(work)


def as_version_2(url: str) -> None:
    """Make the log one that is kept without marks, as its earlier version left it."""
    change(url, "DROP INDEX decisions_book", "UPDATE decision_schema SET version = 2")


def strip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acts as an earlier version wrote them: without numbers, marks, days and ends."""
    from serving.log import act

    made: Callable[..., Any] = act.act_record

    def without(kind: Any, outcome: str, inputs: Any, **more: Any) -> Any:
        kept = {key: value for key, value in inputs.items() if key not in ("mark", "number", "until", "others")}
        if outcome == "lift_pause":
            kept.pop("as_of", None)
        return made(kind, outcome, kept, **more)

    monkeypatch.setattr(act, "act_record", without)


def staff_again(log: DecisionLog, url: str) -> None:
    with closing(open_staff(url, log)) as book:
        book.change(make_member("ann", "reviewer", CARDS), by="root", at=START)


def erase(log: DecisionLog, entity: str) -> None:
    """Erase a person."""
    log.erase(Erasure(CARDS, entity, "ann", "asked", START + DAY, os.urandom(RANDOM_BYTES)))


def told(log: DecisionLog, url: str) -> list[str]:
    """What the audit finds, as people read it."""
    return list(map(str, look(log, url).findings))
