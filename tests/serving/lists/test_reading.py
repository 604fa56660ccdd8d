"""What a worker reads of an import before it counts, so that there is little left to read when it does."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from serving.lists import imports, reading
from serving.lists.book import ListBook, open_lists
from serving.lists.entry import Named
from serving.lists.imports import Import
from serving.log.database import open_database
from serving.log.decision_log import DecisionLog
from tests.serving.lists.test_imports import MANY, add, people, rows
from tests.serving.lists.test_lists import NOW, SECRET


@pytest.fixture
def book(url: str, log: DecisionLog, monkeypatch: pytest.MonkeyPatch) -> Iterator[ListBook]:
    monkeypatch.setattr(imports, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(reading, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(reading, "PART", 100)
    monkeypatch.setattr(reading, "PARTS", 4)
    book = open_lists(url, SECRET, log.vault)
    yield book
    book.close()


@pytest.mark.parametrize("twice", [0, 1])
def test_a_worker_reads_ahead_what_counts_for_nothing_yet(
    book: ListBook, log: DecisionLog, url: str, monkeypatch: pytest.MonkeyPatch, twice: int
) -> None:
    index, written, read = book.index(), imports.Import.write, list[int]()
    with closing(open_lists(url, SECRET, log.vault)) as other:

        def watched(own: imports.Import, columns: Any, entries: Any) -> None:
            written(own, columns, entries)
            for known in (400, MANY):
                other.refresh(index)
                assert index.ahead is not None
                assert (len(index), len(index.ahead.rows)) == (0, known)
            assert not index.hits([Named("phone", "0900 7")], NOW.date())
            if twice:
                assert other.add(people(1), by="bob", at=NOW) == 1

        monkeypatch.setattr(imports.Import, "write", watched)
        assert add(book, people(MANY)) == MANY - twice
        made = reading._rows
        monkeypatch.setattr(reading, "_rows", lambda stored: (read.append(len(stored)), made(stored))[1])
        other.refresh(index)
        assert sum(read) == twice  # what others added meanwhile; of the import nothing is left to read
        assert (len(index), index.ahead) == (MANY, None)
        assert index.hits([Named("phone", "0900 7")], NOW.date()) == {"tax"}
        for one in other.show("tax"):
            if one.added_by == "bob":
                other.expire(one.id, by="eve", at=NOW)
        other.refresh(index)
        assert len(index) == MANY - twice


def test_an_import_that_was_killed_is_read_no_further(book: ListBook, monkeypatch: pytest.MonkeyPatch) -> None:
    left = killed(book, monkeypatch)
    index = book.index()
    assert index.ahead is not None
    assert (len(index.ahead.rows), index.ahead.beat) == (400, left.beat)
    time.sleep(0.31)
    book.refresh(index)
    assert len(index.ahead.rows) == 400
    left.live()  # it was only slow
    book.refresh(index)
    assert len(index.ahead.rows) == MANY


def test_a_look_ahead_begins_where_the_last_one_ended(
    book: ListBook, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each look would go through all entries again, every 0.4 s, for as long as an import runs."""
    others = 10 * MANY
    add(book, people(others, first=MANY))  # as ever: an import is a small part of the table
    killed(book, monkeypatch)
    sqlite = url.startswith("sqlite")

    def plan(session: Any) -> str:
        if not sqlite:
            session.run("SET LOCAL enable_seqscan = off")  # as in a table that is large
            session.run("ANALYZE list_entries")  # as Postgres does by itself, sooner or later
        return str(
            session.rows(f"{'EXPLAIN QUERY PLAN' if sqlite else 'EXPLAIN'} {reading._PART} LIMIT 9", [-1, "5", -1])
        )

    with closing(open_database(url)) as database:
        found = database.write(plan)
    assert "list_entries_of" in found
    assert ("(since_version,id)>(?,?)" if sqlite else "Index Cond: ((ROW(since_version") in found
    assert not any(word in found for word in ("Sort", "TEMP B-TREE", "Filter"))
    assert rows(book, "SELECT count(*) FROM list_entries") == [(others + MANY,)]


def killed(book: ListBook, monkeypatch: pytest.MonkeyPatch) -> Import:
    """What an import leaves that is killed after its entries are written."""
    left: list[Import] = []
    with monkeypatch.context() as patched:
        patched.setattr(imports.Import, "ended", lambda own, session: left.append(own) or 1 / 0)
        patched.setattr(imports.Import, "give_up", lambda own, batch: None)
        with pytest.raises(ZeroDivisionError):
            add(book, people(MANY))
    return left[0]
