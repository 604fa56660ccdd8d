"""Acts and rows that somebody writes by hand so that one vouches for the other."""

from contextlib import closing
from typing import Any

import pytest

from serving.audit.verdict import audit
from serving.consents import Consent, open_consents
from serving.lists.book import entry_id, open_lists
from serving.lists.entry import Entry, Named
from serving.log.act import act_record, deed
from serving.log.books import TABLES
from serving.log.commit import commit_entries, read_head
from serving.log.database import open_database
from serving.log.decision_log import DecisionLog, open_log
from serving.log.entry import encode
from serving.log.record import Record
from serving.partners.book import open_book
from serving.pauses import open_pauses
from serving.staff.book import open_staff
from tests.serving.audit.examples import CARDS, DAY, SECRET, as_version_2, change, erase, fill, look, strip, told
from tests.serving.log.examples import START, make_record
from tests.serving.log.keyring import KEYS


def forge(log: DecisionLog, url: str, *records: Record) -> None:
    """Append records whose sealed columns are empty, as anybody can who may write the database."""

    def work(session: Any) -> None:
        entries = [encode(record) for record in records]
        commit_entries(session, read_head(session), entries, [(None, None, None)] * len(entries), log.vault)

    with closing(open_database(url)) as database:
        database.write(work)


def erasure(*names: str, byte: bytes = b"e") -> Record:
    inputs = {"by": "eve", "reason": "none", "decision_ids": [*names]}
    return act_record("erasure", "erased", inputs, portfolio=CARDS, at=START, randomness=byte * 42)


MAY = {"scopes": ["decide"], "portfolios": ["*"], "quota": "9/s", "concurrency": 1}
ADDED = {"partner": "eve", "key": "evilevilevil", **MAY}


def test_an_erasure_excuses_neither_itself_nor_what_came_after_it(log: DecisionLog, url: str) -> None:
    log.append(make_record())
    act = deed("partner", "add", "eve", START, ADDED)
    own = erasure()
    forge(log, url, act, erasure(act.decision_id, own.decision_id))
    broken = log.verify().broken
    assert broken is not None
    assert "has no record of an erasure" in broken.problem


def test_an_erasure_written_before_what_it_names_excuses_nothing(log: DecisionLog, url: str) -> None:
    act = deed("partner", "add", "eve", START, ADDED)
    log.append(erasure(act.decision_id))
    forge(log, url, act)
    broken = log.verify().broken
    assert broken is not None
    assert (broken.sequence, broken.decision_id) == (2, act.decision_id)


def test_an_act_of_no_customer_is_never_erased(filled: DecisionLog, url: str) -> None:
    act = deed("partner", "add", "eve", START, ADDED)
    forge(filled, url, act)
    filled.append(erasure(act.decision_id))  # sealed, as if by one who has the keys for a moment
    assert told(filled, url) == [
        f"acts {act.decision_id}: its seal is gone, but what it tells is of no customer and is never erased"
    ]


def test_an_act_without_a_mark_after_one_that_has_it_is_named(filled: DecisionLog, url: str) -> None:
    act = filled.append(deed("partner", "add", "eve", START, ADDED)).record
    assert told(filled, url)[0].startswith(f"acts {act.decision_id}: it has no mark, as acts before it have")


def test_a_row_that_was_deleted_is_missed_when_its_number_is_given_out_again(filled: DecisionLog, url: str) -> None:
    with (
        closing(open_consents(url, filled.vault)) as consents,
        closing(open_lists(url, SECRET, filled.vault)) as lists,
    ):
        change(url, "DELETE FROM consents WHERE number = 3")
        consents.record(CARDS, "9", Consent("credit", "granted", START, "a call"), by="ann", at=START + DAY)
        (found,) = told(filled, url)
        assert found.startswith("consents 3: two acts made it")
        change(url, "DELETE FROM list_entries WHERE since_version = 5", "DELETE FROM list_versions WHERE number = 5")
        lists.add([Entry("tax", Named("name", "Di Po"), "bureau", "owes")], by="ann", at=START)
        assert any(one.startswith("list_versions 5: two acts made it") for one in told(filled, url))


def hide(url: str) -> None:
    """Copy an entry into an import that never was, so that the person seems to be listed."""
    columns = "list, kind, portfolio, match, hash, source, reason, valid_from, valid_until, added_by, added_at"
    with closing(open_database(url)) as database:
        digest, *_ = database.read(lambda session: session.rows("SELECT digest FROM list_entries"))[0]
    change(
        url,
        f"INSERT INTO list_entries (id, digest, since_version, {columns})"
        f" SELECT '{entry_id(digest, -7)}', digest, -7, {columns} FROM list_entries",
        "DELETE FROM list_entries WHERE since_version > 0",
    )


def test_an_entry_of_an_import_that_never_was_blocks_nobody_and_is_named(log: DecisionLog, url: str) -> None:
    entry = Entry("tax", Named("name", "Ann Lee"), "bureau", "owes")
    with closing(open_lists(url, SECRET, log.vault)) as lists:
        lists.add([entry], by="ann", at=START)
        hide(url)
        assert any(one.endswith("it is of an import that never was") for one in told(log, url))
        assert lists.show("tax") == []
        assert lists.add([entry], by="ann", at=START) == 1
        assert len(lists.show("tax")) == 1


def test_an_erasure_takes_a_persons_words_out_of_the_consents(log: DecisionLog, url: str) -> None:
    words = (("7", "credit", "withdrawn"), ("7", "credit", "granted"), ("7", "marketing", "granted"))
    more = (("7", "marketing", "withdrawn"), ("8", "credit", "granted"))
    with closing(open_consents(url, log.vault)) as consents:
        for second, (entity, purpose, word) in enumerate((*words, *more)):
            said = Consent(purpose, word, START + second * DAY, f"a call to Mr Lee {entity}")  # type: ignore[arg-type]
            consents.record(CARDS, entity, said, by="ann", at=START + second * DAY)
        erase(log, "7")
        assert log.verify().valid
        assert told(log, url) == []
        with closing(open_database(url)) as database:
            rows = database.read(lambda session: session.rows("SELECT person, source FROM consents ORDER BY number"))
        mine, other = log.vault.person(CARDS, "7"), log.vault.person(CARDS, "8")
        assert rows[3:] == [(mine, ""), (other, "a call to Mr Lee 8")]
        # Where the person stood is a mark of each word alone.
        assert len({mine, other, *(row[0] for row in rows[:3])}) == 5
        assert {row[1] for row in rows[:3]} == {""}
        # What permitted something permits nothing more; what was refused stays refused.
        states = consents.states(CARDS, ["7"], ["credit", "marketing"], START + 9 * DAY)
        assert states == [{"credit": "none", "marketing": "withdrawn"}]
    change(url, "UPDATE consents SET source = 'Mr Lee' WHERE number = 1")
    assert told(log, url)[0].startswith("consents 1: source is not as its acts say")


MOVED = [
    "UPDATE consents SET person = '' WHERE number = 2",  # the refusal is lifted
    "UPDATE consents SET person = '{other}' WHERE number = 2",  # and is somebody else's
    "UPDATE consents SET person = '' WHERE number = 1",  # the word may be told again
    "UPDATE consents SET person = '{mine}' WHERE number = 1",
]


@pytest.mark.parametrize("older", ["", "without numbers", "adopted"])
def test_what_an_erasure_leaves_of_a_word_is_held(
    older: str, log: DecisionLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if older:
        strip(monkeypatch)
    fill(log, url)
    monkeypatch.undo()
    if older == "adopted":
        as_version_2(url)
        open_log(url, KEYS).close()
    erase(log, "7")
    found = look(log, url)
    assert (list(found.findings), [one for one in found.unknown if one[0] == "consents"]) == ([], [])
    mine, other = log.vault.person(CARDS, "7"), log.vault.person(CARDS, "8")
    with closing(open_database(url)) as database:
        rows = database.read(lambda session: session.rows("SELECT number, person FROM consents ORDER BY number"))
    assert rows[1] == (2, mine)
    assert {number for book, why, number in audit(url, None).unknown if why == "person: need the master keys"} == {2}
    for forged in MOVED:
        change(url, forged.format(mine=mine, other=other))
        (one,) = told(log, url)
        assert "person is not what its erasure vouches for" in one
        change(url, *(f"UPDATE consents SET person = '{person}' WHERE number = {number}" for number, person in rows))
    assert told(log, url) == []


def test_an_act_that_tells_what_an_erasure_left_is_never_erased(log: DecisionLog, url: str) -> None:
    act = deed("consent", "erased", "eve", START, {"words": {}})
    forge(log, url, act)
    log.append(erasure(act.decision_id))
    assert told(log, url)[0].startswith(f"acts {act.decision_id}: its seal is gone")


def test_consents_older_than_any_act_are_erased_too(log: DecisionLog, url: str) -> None:
    open_consents(url, log.vault).close()
    person = log.vault.person(CARDS, "7")
    said = f"(1, '{person}', 'credit', 'granted', '2009', 'a form', 'ann', '2009')"
    change(url, f"INSERT INTO consents VALUES {said}")
    erase(log, "7")
    with closing(open_database(url)) as database:
        rows = database.read(lambda session: session.rows("SELECT person, source FROM consents"))
    assert rows[0][0] not in ("", person)
    assert rows[0][1] == ""
    head = log.head()
    erase(log, "7")
    assert log.head() == head  # there is nothing left of them


LEFT_OUT = {"consents": {"person", "source"}, "staff": {"failures", "locked_until"}}


@pytest.mark.parametrize("of", TABLES, ids=lambda of: of.name)
def test_every_column_of_a_book_is_held_or_left_out_on_purpose(of: Any, log: DecisionLog, url: str) -> None:
    for opened in (open_book(url, SECRET), open_lists(url, SECRET), open_pauses(url), open_staff(url, log)):
        opened.close()  # type: ignore[attr-defined]
    open_consents(url, log.vault).close()
    with closing(open_database(url)) as database:
        real = database.read(lambda session: session.columns(of.name))
    assert set(of.columns) == set(real) - LEFT_OUT.get(of.name, set())
