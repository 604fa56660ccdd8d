"""Books beside the log that differ from the acts in its chain are named; what honestly happened never is."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from flows.logging_backup import _make_tables_beside
from serving.audit.verdict import Audit, audit
from serving.log.act import deed
from serving.log.anchors import Anchor
from serving.log.backup import back_up, restore
from serving.log.database import open_database
from serving.log.decision_log import DecisionLog, open_log
from serving.log.keys import KeyRing
from serving.partners.book import open_book
from serving.partners.partner import make_partner
from tests.serving.audit.examples import CARDS, SECRET, change, erase, look
from tests.serving.log.examples import START
from tests.serving.log.keyring import KEYS, MASTER


def test_what_was_done_by_the_books_follows_from_the_acts(filled: DecisionLog, url: str) -> None:
    found = look(filled, url)
    assert not found.findings
    assert (found.rows, found.compared, found.acts, found.adopted, list(found.unknown)) == (31, 31, 25, 0, [])


def test_books_that_were_never_opened_and_an_empty_log_have_no_fault(log: DecisionLog, url: str) -> None:
    assert look(log, url) == Audit(0, 0, 0, [], [], 0)


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
    erase(filled, "7")
    found = look(filled, url)
    assert not found.findings
    assert (list(found.unknown), found.compared) == ([], found.rows)
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
        ("consents", "source: need the master keys"),
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


def test_a_record_is_told_without_its_values(filled: DecisionLog, url: str) -> None:
    change(url, "UPDATE staff SET password = NULL WHERE name = 'ann'")
    (found,) = look(filled, url).findings
    assert str(replace(found, act=None)) == "staff ann: password or subject is not what its act vouches for"


def test_an_act_that_cannot_be_read_is_named(filled: DecisionLog, url: str) -> None:
    odd = filled.append(deed("partner", "add", "eve", START, {"partner": 7, "mark": "x"})).record
    (found,) = look(filled, url).findings
    assert str(found) == f"acts {odd.decision_id}: it cannot be read as an act about a book"
