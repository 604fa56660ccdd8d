"""Books beside the log that differ from the acts in its chain are named; what honestly happened never is."""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.logging_backup import _make_tables_beside
from serving.audit.verdict import Audit, audit
from serving.consents import Consent, open_consents
from serving.lists.book import open_lists
from serving.lists.entry import Entry, Named
from serving.log.act import deed
from serving.log.anchors import Anchor
from serving.log.backup import back_up, restore
from serving.log.database import open_database
from serving.log.decision_log import DecisionLog, open_log
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.keys import KeyRing
from serving.partners.book import open_book
from serving.partners.partner import make_partner
from serving.pauses import Pause, open_pauses
from serving.staff.book import open_staff
from serving.staff.member import make_member
from tests.serving.log.examples import START, make_record
from tests.serving.log.keyring import KEYS, MASTER

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


@pytest.fixture
def filled(log: DecisionLog, url: str) -> DecisionLog:
    log.append(make_record())
    fill(log, url)
    return log


def test_what_was_done_by_the_books_follows_from_the_acts(filled: DecisionLog, url: str) -> None:
    found = look(filled, url)
    assert not found.findings
    assert (found.rows, found.acts, found.adopted, list(found.unknown)) == (31, 25, 0, [])


def test_books_that_were_never_opened_and_an_empty_log_have_no_fault(log: DecisionLog, url: str) -> None:
    assert look(log, url) == Audit(0, 0, [], [], 0)


FORGED = [
    ("UPDATE partners SET quota = '900/s' WHERE name = 'shop'", "partners shop: quota is 900/s, but its acts say 9/m"),
    ("UPDATE partners SET scopes = 'decide,read,review' WHERE name = 'shop'", "scopes is decide,read,review"),
    ("UPDATE partners SET revoked_at = NULL WHERE name = 'mall'", "partners mall: revoked_at is empty, but"),
    ("UPDATE partner_keys SET hash = 'abc' WHERE partner = 'shop'", "hash is not what its act vouches for"),
    ("UPDATE partner_keys SET ends_at = NULL WHERE ends_at IS NOT NULL", "ends_at is empty, but its acts say 2009"),
    ("UPDATE partner_keys SET partner = 'shop' WHERE partner = 'mall'", "partner is shop, but its acts say mall"),
    (
        "INSERT INTO partner_keys VALUES ('abcdefghijkl', 'shop', 'x', '2009-05-01', 'eve', NULL)",
        "partner_keys abcdefghijkl: no act in the chain made it",
    ),
    ("DELETE FROM partners WHERE name = 'mall'", "partners mall: an act made it, but it is not there"),
    ("DELETE FROM list_entries WHERE since_version = 5", "found 0 entries of this version, but its act added 9"),
    (
        "UPDATE list_entries SET ended_version = 9, ended_by = 'eve' WHERE since_version = 5",
        "it was ended, but no act in the chain ended it",
    ),
    ("UPDATE list_entries SET ended_version = NULL", "ended_version is empty, but its acts say 4"),
    ("UPDATE list_entries SET hash = 'x' WHERE since_version = 5", "it is not as version 5 of the lists added it"),
    ("UPDATE list_entries SET valid_until = '2009-01-01'", "it is not as version"),
    ("UPDATE list_entries SET since_version = 77 WHERE since_version = 5", "no act in the chain made it"),
    ("UPDATE list_versions SET entries = 1 WHERE number = 5", "list_versions 5: entries is 1, but its acts say 9"),
    ("DELETE FROM list_versions WHERE number = 5", "list_versions 5: an act made it, but it is not there"),
    (
        "UPDATE approval_pauses SET lifted_at = '2009-05-05T00:00:00.000000Z' WHERE cause = 'by hand'",
        "approval_pauses taiwan_cards 2009-05-01 by hand: lifted_at is 2009-05-05",
    ),
    ("UPDATE approval_pauses SET until = since WHERE cause = 'by hand'", "until is 2009-05-04"),
    ("DELETE FROM approval_pauses WHERE cause = 'by hand'", "an act made it, but it is not there"),
    ("UPDATE consents SET state = 'granted'", "consents 2: state is granted, but its acts say withdrawn"),
    ("UPDATE consents SET person = 'x' WHERE number = 1", "consents 1: person is not as its acts say"),
    ("UPDATE consents SET source = 'x' WHERE number = 1", "consents 1: source is not as its acts say"),
    ("DELETE FROM consents WHERE number = 3", "consents 3: an act made it, but it is not there"),
    ("UPDATE staff SET roles = 'engineer' WHERE name = 'ann'", "staff ann: roles is engineer, but its acts say"),
    ("UPDATE staff SET password = 'x' WHERE name = 'ann'", "password or subject is not what its act vouches for"),
    ("UPDATE staff SET subject = 'eve' WHERE name = 'bob'", "password or subject is not what its act vouches for"),
    ("UPDATE staff SET ended_at = NULL WHERE name = 'bob'", "staff bob: ended_at is empty"),
    ("UPDATE staff SET generation = 0 WHERE name = 'ann'", "staff ann: generation is 0, but its acts say 1"),
]


def test_what_was_written_by_hand_is_named(filled: DecisionLog, url: str, tmp_path: Path) -> None:
    for forged, said in FORGED:
        (table,) = {word for word in forged.replace("(", " ").split() if word in TABLES}
        with closing(open_database(url)) as database:
            before = database.read(lambda session: session.rows(f"SELECT * FROM {table}"))  # noqa: B023
        change(url, forged)
        findings = [str(one) for one in look(filled, url).findings]
        assert any(said in one for one in findings), (forged, findings)
        assert not any("abc'" in one or "$argon2" in one for one in findings)
        put_back(url, table, before)
    assert not look(filled, url).findings


TABLES = ("partners", "partner_keys", "list_entries", "list_versions", "approval_pauses", "consents", "staff")


def put_back(url: str, table: str, rows: list[Any]) -> None:
    def work(session: Any) -> None:
        session.run(f"DELETE FROM {table}")
        session.insert(table, session.columns(table), rows)

    with closing(open_database(url)) as database:
        database.write(work)


def test_wrong_passwords_are_no_act_and_no_fault(filled: DecisionLog, url: str) -> None:
    change(url, "UPDATE staff SET failures = 3, locked_until = '2009-05-01T00:00:00.000000Z' WHERE name = 'ann'")
    assert not look(filled, url).findings


def test_a_person_erased_leaves_words_that_are_compared_by_what_is_left(filled: DecisionLog, url: str) -> None:
    filled.erase(Erasure(CARDS, "7", "ann", "asked", START + DAY, os.urandom(RANDOM_BYTES)))
    found = look(filled, url)
    assert not found.findings
    assert list(found.unknown) == [("consents", "person and source: erased from their acts", 2)]
    change(url, "UPDATE consents SET state = 'granted' WHERE number = 2")
    assert "consents 2: state is granted" in str(look(filled, url).findings[0])


def test_a_new_master_key_changes_nothing(filled: DecisionLog, url: str) -> None:
    ring = KeyRing([b"n" * 32, MASTER])
    filled.rekey(ring)
    with closing(open_log(url, KeyRing([b"n" * 32]))) as again:
        assert not look(again, url).findings


def test_without_the_master_keys_all_but_marks_and_seals_is_compared(filled: DecisionLog, url: str) -> None:
    found = audit(url, None)
    assert not found.findings
    assert {(book, why) for book, why, _ in found.unknown} == {
        ("partner_keys", "need the master keys"),
        ("staff", "need the master keys"),
    }
    change(url, "UPDATE partners SET quota = '900/s' WHERE name = 'shop'")
    assert len(audit(url, None).findings) == 1


def test_a_restored_log_follows_from_its_acts_in_either_database(
    filled: DecisionLog, url: str, tmp_path: Path, postgres_database: str
) -> None:
    none: list[Anchor] = []
    back_up(url, tmp_path / "copy.db", KEYS, none)
    for place in (f"sqlite:///{tmp_path / 'new.db'}", postgres_database):
        if place == url:
            continue
        _make_tables_beside(place)
        restore(tmp_path / "copy.db", place, KEYS, none)
        with closing(open_log(place, KEYS)) as log:
            found = look(log, place)
            assert not found.findings
            assert found.rows == 31


def test_books_are_compared_while_they_change(filled: DecisionLog, url: str) -> None:
    """What is read is one state: no row without its act, however the two are read."""
    with closing(open_book(url, SECRET, filled.vault)) as book, closing(open_database(url, read_only=True)) as reader:

        def half(session: Any) -> Any:
            from serving.audit import verdict

            session.rows("SELECT count(*) FROM decisions")
            book.add(make_partner("late", "read", CARDS, "1/s", 1), by="ann", at=START)
            return verdict._audit(session, filled.vault, True)

        assert not reader.snapshot(half).findings
    assert not look(filled, url).findings


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


def test_acts_of_an_earlier_version_are_compared_as_far_as_they_tell(
    log: DecisionLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip(monkeypatch)
    fill(log, url)
    found = look(log, url)
    assert not found.findings
    assert {(book, count) for book, _, count in found.unknown} == {
        ("partner_keys", 4), ("staff", 2), ("approval_pauses", 3)
    }  # fmt: skip
    log.erase(Erasure(CARDS, "7", "ann", "asked", START + DAY, os.urandom(RANDOM_BYTES)))
    assert not look(log, url).findings
    for forged in (
        "UPDATE consents SET person = 'x' WHERE number = 3",
        "UPDATE partners SET quota = '900/s' WHERE name = 'shop'",
    ):
        change(url, forged)
        assert look(log, url).findings


def test_a_log_of_an_earlier_version_puts_its_books_on_record_when_it_is_opened(
    log: DecisionLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip(monkeypatch)
    fill(log, url)
    monkeypatch.undo()
    # And a partner from before there were acts.
    change(
        url,
        "INSERT INTO partners VALUES ('old', 'read', '*', '1/s', 1, '2008-01-01T00:00:00.000000Z', 'x', NULL, NULL)",
        "INSERT INTO partner_keys VALUES ('oldoldoldold', 'old', 'h', '2008-01-01T00:00:00.000000Z', 'x', NULL)",
    )
    as_version_2(url)
    found = audit(url, log.vault)
    assert not found.findings
    assert ("partners", "made before acts were kept", 1) in found.unknown
    for _ in range(2):
        open_log(url, KEYS).close()
    found = look(log, url)
    assert not found.findings
    assert (found.adopted, list(found.unknown)) == (33, [])
    with closing(open_book(url, SECRET, log.vault)) as book:
        book.change("old", by="ann", at=START, quota="2/s")
        book.rotate("old", overlap=DAY, by="ann", at=START)
    staff_again(log, url)
    assert not look(log, url).findings
    for forged in (
        "UPDATE partner_keys SET hash = 'y' WHERE partner = 'mall'",
        "UPDATE partner_keys SET hash = 'y' WHERE id = 'oldoldoldold'",
        "UPDATE partners SET quota = '900/s' WHERE name = 'old'",
        "UPDATE staff SET password = 'y' WHERE name = 'ann'",
    ):
        before = len(look(log, url).findings)
        change(url, forged)
        assert len(look(log, url).findings) == before + 1, forged
    change(url, "DELETE FROM partners WHERE name = 'old'")
    gone = "partners old: it was put on record as found, but it is not there"
    assert gone in map(str, look(log, url).findings)


def staff_again(log: DecisionLog, url: str) -> None:
    with closing(open_staff(url, log)) as book:
        book.change(make_member("ann", "reviewer", CARDS), by="root", at=START)


def test_a_backup_of_an_earlier_version_is_restored_and_its_books_put_on_record(
    filled: DecisionLog, url: str, tmp_path: Path
) -> None:
    as_version_2(url)
    none: list[Anchor] = []
    back_up(url, tmp_path / "copy.db", KEYS, none)
    place = f"sqlite:///{tmp_path / 'new.db'}"
    _make_tables_beside(place)
    assert restore(tmp_path / "copy.db", place, KEYS, none).valid
    with closing(open_log(place, KEYS)) as log:
        found = look(log, place)
        assert (not found.findings, found.adopted) == (True, 31)


def test_a_record_is_told_without_its_values(filled: DecisionLog, url: str) -> None:
    change(url, "UPDATE staff SET password = NULL WHERE name = 'ann'")
    (found,) = look(filled, url).findings
    assert str(replace(found, act=None)) == "staff ann: password or subject is not what its act vouches for"


def test_an_act_that_cannot_be_read_is_named(filled: DecisionLog, url: str) -> None:
    odd = filled.append(deed("partner", "add", "eve", START, {"partner": 7})).record
    (found,) = look(filled, url).findings
    assert str(found) == f"acts {odd.decision_id}: it cannot be read as an act about a book"
