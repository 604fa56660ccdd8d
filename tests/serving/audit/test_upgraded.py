"""Logs of earlier versions, whose acts lack marks."""

from contextlib import closing
from pathlib import Path

import pytest

from flows.logging_backup import _make_tables_beside
from serving.audit.verdict import audit
from serving.consents import open_consents
from serving.log.anchors import Anchor
from serving.log.backup import back_up, restore
from serving.log.decision_log import DecisionLog, open_log
from serving.partners.book import open_book
from serving.pauses import Pause, open_pauses
from tests.serving.audit.examples import (
    CARDS,
    DAY,
    SECRET,
    as_version_2,
    change,
    erase,
    fill,
    look,
    staff_again,
    strip,
    told,
)
from tests.serving.log.examples import START
from tests.serving.log.keyring import KEYS


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
    erase(log, "7")
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
    found = look(log, url)
    assert not found.findings
    # Of `old`, who is of no act, the changes do not tell all.
    why = "what no act tells of a row that was changed since it was put on record"
    assert [one for one in found.unknown if one[1] == why] == [("partners", why, 1), ("partner_keys", why, 1)]
    assert found.compared == found.rows - 2
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


def test_a_backup_of_an_earlier_version_is_restored_and_its_books_put_on_record(
    log: DecisionLog, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip(monkeypatch)
    fill(log, url)
    monkeypatch.undo()
    as_version_2(url)
    none: list[Anchor] = []
    back_up(url, tmp_path / "copy.db", KEYS, none)
    place = f"sqlite:///{tmp_path / 'new.db'}"
    _make_tables_beside(place)
    assert restore(tmp_path / "copy.db", place, KEYS, none).valid
    with closing(open_log(place, KEYS)) as log:
        found = look(log, place)
        assert (not found.findings, found.adopted) == (True, 31)


def test_books_are_put_on_record_once(filled: DecisionLog, url: str) -> None:
    """Who sets the version back has the next opening put on record what they wrote: it vouches for nothing."""
    change(
        url,
        "UPDATE partner_keys SET hash = 'abc' WHERE partner = 'shop'",
        "INSERT INTO partner_keys VALUES ('abcdefghijkl', 'shop', 'x', '2009-05-01', 'eve', NULL)",
        "INSERT INTO staff VALUES"
        " ('eve', 'engineer', '*', 'p', NULL, NULL, 0, 0, NULL, '2009', 'eve', NULL, NULL, NULL)",
    )
    forged = told(filled, url)
    assert len(forged) == 5
    as_version_2(url)
    assert told(filled, url) == forged
    open_log(url, KEYS).close()
    found = told(filled, url)
    assert set(forged) < set(found)
    assert "somebody set the log's version back" in found[0]


def test_a_log_that_was_put_on_record_is_not_put_so_again(
    log: DecisionLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip(monkeypatch)
    fill(log, url)
    monkeypatch.undo()
    as_version_2(url)
    open_log(url, KEYS).close()
    assert not told(log, url)
    change(url, "UPDATE partner_keys SET hash = 'abc' WHERE partner = 'mall'")
    (forged,) = told(log, url)
    as_version_2(url)
    open_log(url, KEYS).close()
    found = told(log, url)
    assert forged in found
    assert sum("somebody set the log's version back" in one for one in found) == 7


def test_pauses_that_lack_their_newest_column_are_put_on_record(
    log: DecisionLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip(monkeypatch)
    with closing(open_pauses(url, log.vault)) as pauses:
        pauses.set_pause(Pause(CARDS, START.date(), "psi", "drift", "monitoring", START))
    monkeypatch.undo()
    change(url, "ALTER TABLE approval_pauses DROP COLUMN lift_reason")
    as_version_2(url)
    assert not audit(url, log.vault).findings
    open_log(url, KEYS).close()
    for _ in range(2):
        found = look(log, url)
        assert (list(found.findings), found.adopted) == ([], 1)
        open_pauses(url, log.vault).close()  # which makes the column
    change(url, "UPDATE approval_pauses SET until = since")
    (one,) = told(log, url)
    assert "taiwan_cards 2009-05-01 psi: it is not as it was when it was put on record" in one


ODD = [
    "UPDATE partner_keys SET hash = x'00' WHERE partner = 'mall'",
    "UPDATE staff SET password = 9e999 WHERE name = 'ann'",
    "UPDATE list_entries SET digest = x'00' WHERE since_version = 5",
    "UPDATE list_entries SET since_version = 'a' WHERE since_version = 1",
    "UPDATE partners SET name = x'00' WHERE name = 'mall'",
]


def test_a_value_of_another_type_is_named(tmp_path: Path) -> None:
    """SQLite alone takes any value in any column."""
    url = f"sqlite:///{tmp_path / 'log.db'}"
    with closing(open_log(url, KEYS)) as log:
        fill(log, url)
        change(url, *ODD)
        found = "\n".join(told(log, url))
        for row in ("partner_keys ", "list_entries "):
            odd = "it holds a value of another type than its column's"
            assert sum(one.startswith(row) and one.endswith(odd) for one in found.split("\n")) == 1
        assert "staff ann: password or subject is not what its act vouches for" in found
        assert "partners b'\\x00': no act in the chain made it" in found
        assert "partners mall: an act made it, but it is not there" in found


def test_a_value_of_another_type_does_not_keep_a_log_from_being_brought_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    strip(monkeypatch)
    with closing(open_log(url, KEYS)) as log:
        fill(log, url)
        monkeypatch.undo()
        change(url, *ODD)
        as_version_2(url)
        open_log(url, KEYS).close()
        found = look(log, url)
        assert found.adopted == 30  # all but the partner whose name no act can hold
        assert found.findings


def test_consents_older_than_any_act_are_counted_as_such(log: DecisionLog, url: str) -> None:
    open_consents(url, log.vault).close()
    change(
        url,
        "INSERT INTO consents VALUES (1, 'who', 'credit', 'granted', '2009', 'a form', 'ann', '2009')",
    )
    as_version_2(url)
    open_log(url, KEYS).close()
    found = look(log, url)
    assert (list(found.findings), found.rows, found.compared) == ([], 1, 0)
    assert list(found.unknown) == [("consents", "person and source: older than any act", 1)]
