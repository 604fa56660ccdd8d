"""Large imports: whole or not at all, whatever kills them; nobody reads a half, and nobody waits for long."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from serving.audit.verdict import audit
from serving.lists import book as lists_book
from serving.lists import imports
from serving.lists.book import ListBook, open_lists
from serving.lists.entry import BadEntry, Entry, Named
from serving.lists.imports import ImportLost
from serving.log.database import open_database
from serving.log.decision_log import DecisionLog
from serving.log.ledger import Ledger
from tests.serving.lists.databases import Counted, Twice
from tests.serving.lists.test_lists import NOW, SECRET
from tests.serving.log.examples import make_record

MANY = 600


@pytest.fixture
def book(url: str, log: DecisionLog, monkeypatch: pytest.MonkeyPatch) -> Iterator[ListBook]:
    monkeypatch.setattr(imports, "SILENT_SECONDS", 0.3)
    book = open_lists(url, SECRET, log.vault)
    yield book
    book.close()


def people(count: int, first: int = 0) -> list[Entry]:
    return [Entry("tax", Named("phone", f"0900 {n}"), "bureau", "owes") for n in range(first, first + count)]


def add(book: ListBook, entries: list[Entry]) -> int:
    return book.add(entries, by="ann", at=NOW, act="import")


def rows(book: ListBook, sql: str) -> list[Any]:
    return book._ledger.read(lambda session: session.rows(sql))


def faults(log: DecisionLog, url: str) -> list[str]:
    assert log.verify().valid
    return [str(one) for one in audit(url, log.vault).findings]


def test_an_import_is_one_version_with_one_act(book: ListBook, log: DecisionLog, url: str) -> None:
    index = book.index()
    assert add(book, people(5)) == 5
    assert add(book, people(MANY)) == MANY - 5
    assert add(book, people(MANY)) == 0
    book.refresh(index)
    assert (len(index), index.version, len(book.index())) == (MANY, 2, MANY)
    assert len(book.show("tax")) == MANY
    assert log.head().number == 2
    book.expire(book.show("tax")[-1].id, by="eve", at=NOW)
    book.refresh(index)
    assert (len(index), len(book.index())) == (MANY - 1, MANY - 1)
    assert add(book, people(MANY)) == 1
    assert not faults(log, url)


def test_what_is_current_of_imports_is_what_acts_made_so(book: ListBook, log: DecisionLog, url: str) -> None:
    add(book, people(MANY))
    for forged, said in (
        ("UPDATE list_imports SET version = NULL", "list_imports -1: version is empty, but its acts say 1"),
        ("DELETE FROM list_imports", "list_imports -1: an act made it, but it is not there"),
        ("INSERT INTO list_imports VALUES (-2, 0, 1)", "list_imports -2: no act in the chain made it"),
        ("INSERT INTO list_imports VALUES (1, 0, NULL)", "list_imports 1: no act in the chain made it"),
    ):
        book._ledger.enact("*", NOW, lambda session: (session.run(forged), []))  # noqa: B023
        assert any(said in one for one in faults(log, url)), forged
        for statement in ("DELETE FROM list_imports", "INSERT INTO list_imports VALUES (-1, 1, 1)"):
            book._ledger.enact("*", NOW, lambda session: (session.run(statement), []))  # noqa: B023
        assert not faults(log, url)


RUN = """
import sys
from contextlib import closing
from serving.lists import imports
from serving.lists.book import open_lists
from serving.log.decision_log import open_log
from tests.serving.lists.test_imports import MANY, add, people
from tests.serving.lists.test_lists import SECRET
from tests.serving.log.keyring import KEYS
imports.SMALL = imports.MOST = 50
url = sys.argv[1]
with closing(open_log(url, KEYS)) as log, closing(open_lists(url, SECRET, log.vault)) as book:
    print("go", flush=True)
    add(book, people(20 * MANY))
"""


def test_killed_half_way_nothing_is_current_and_the_next_clears_it(book: ListBook, log: DecisionLog, url: str) -> None:
    add(book, people(5))
    with subprocess.Popen([sys.executable, "-c", RUN, url], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while rows(book, "SELECT count(*) FROM list_entries WHERE since_version < 0")[0][0] < 100:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (len(book.index()), len(book.show())) == (5, 5)
    (left,) = rows(book, "SELECT id FROM list_entries WHERE since_version < 0 LIMIT 1")
    with pytest.raises(BadEntry, match="found 0 open entries"):
        book.expire(left[0], by="eve", at=NOW)
    assert not faults(log, url)
    assert add(book, people(MANY)) == MANY - 5
    assert rows(book, "SELECT count(*) FROM list_entries") == [(MANY,)]
    assert len(book.index()) == MANY
    assert not faults(log, url)


def test_two_imports_take_turns_and_adds_go_between(book: ListBook, log: DecisionLog, url: str) -> None:
    added: list[int] = []

    def run(first: int) -> None:
        with closing(open_lists(url, SECRET, log.vault)) as own:
            added.append(add(own, people(MANY, first)))

    threads = [threading.Thread(target=run, args=(first,)) for first in (0, MANY // 2)]
    for thread in threads:
        thread.start()
    alone = 0
    while any(thread.is_alive() for thread in threads):
        alone += add(book, people(1, alone))  # one that an import has too, or will have
        if alone == MANY:
            break
    for thread in threads:
        thread.join()
    assert sum(added) + alone == MANY + MANY // 2
    assert len(book.index()) == len(book.show()) == MANY + MANY // 2
    assert not faults(log, url)


def test_one_that_was_taken_for_dead_says_so_and_leaves_nothing(
    book: ListBook, log: DecisionLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = imports.Import.write

    def slow(own: imports.Import, columns: Any, entries: Any) -> None:
        written(own, columns, entries)
        monkeypatch.undo()
        monkeypatch.setattr(imports, "SILENT_SECONDS", 0.3)
        with closing(open_lists(url, SECRET, log.vault)) as other:
            assert add(other, people(MANY, MANY)) == MANY

    monkeypatch.setattr(imports.Import, "write", slow)
    with pytest.raises(ImportLost, match="run it again"):
        add(book, people(MANY))
    assert len(book.index()) == MANY
    assert add(book, people(MANY)) == MANY  # which clears what it left
    assert set(rows(book, "SELECT since_version FROM list_entries")) == {(-2,), (-3,)}
    assert not faults(log, url)


def test_decisions_are_logged_while_it_writes(book: ListBook, log: DecisionLog, url: str) -> None:
    """Each waits for a few entries at most; docs/decision-log.md has how long that was."""
    counted = Counted(open_database(url))
    importer = threading.Thread(target=add, args=(ListBook(Ledger(counted, log.vault), SECRET), people(8 * MANY)))
    importer.start()
    logged = 0
    while importer.is_alive():
        assert log.append(make_record(logged)).ours
        logged += 1
    counted.close()
    assert logged > 5
    assert sum(counted.wrote) == 8 * MANY
    assert max(counted.wrote) <= imports.MOST
    assert len(book.index()) == 8 * MANY


@pytest.mark.parametrize("common", [0, 5])
def test_replies_that_are_lost_change_nothing(book: ListBook, log: DecisionLog, url: str, common: int) -> None:
    """On Postgres a transaction whose commit is not known to have arrived is run again."""
    with closing(open_database(url)) as database:
        twice = ListBook(Ledger(Twice(database), log.vault), SECRET)
        add(book, people(common))
        assert add(twice, people(MANY)) == MANY - common
        assert add(twice, people(MANY)) == 0
    assert (len(book.index()), len(book.show())) == (MANY, MANY)
    assert rows(book, "SELECT count(*) FROM list_imports WHERE version IS NULL") == [(0,)]
    assert not faults(log, url)


def test_an_import_beats_between_all_that_takes_long(book: ListBook, monkeypatch: pytest.MonkeyPatch) -> None:
    """While others wait for its turn to end, it must not be silent for as long as all its entries take to be made."""
    heard: list[str] = []

    def tell(of: Any, name: str, letter: str) -> None:
        done = getattr(of, name)

        def told(*args: Any, **more: Any) -> Any:
            heard.append(letter)
            return done(*args, **more)

        monkeypatch.setattr(of, name, told)

    monkeypatch.setattr(imports, "SMALL", 100)
    monkeypatch.setattr(imports, "MOST", 100)
    tell(lists_book, "entry_id", "r")
    tell(lists_book, "_told", "t")
    tell(imports.Import, "_timed", "b")
    tell(imports.Import, "end", "e")
    assert add(book, people(MANY)) == MANY
    assert re.fullmatch("b(r{1,100}b)+tbe", "".join(heard)), heard
