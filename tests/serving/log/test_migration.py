"""A log of version 2 is brought to this one while others write it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest

from serving.lists.book import open_lists
from serving.lists.entry import Entry, Named
from serving.log import migration, postgres
from serving.log.database import Database, LogUnavailable, open_database
from serving.log.decision_log import DecisionLog, open_log
from serving.log.record import Record
from tests.serving.lists.test_lists import NOW, SECRET
from tests.serving.log.examples import make_record
from tests.serving.log.keyring import KEYS

STATEMENTS = ("DROP INDEX decisions_book", "UPDATE decision_schema SET version = 2")


def test_books_are_put_on_record_beside_those_who_decide(
    log: DecisionLog, log_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is there before; on Postgres the chain is locked only while the acts are written."""
    with closing(open_lists(log_url, SECRET, log.vault)) as book:
        book.add([Entry("tax", Named("phone", "0900 1"), "bureau", "owes")], by="ann", at=NOW)
    found, adoptions, sqlite = list[bool](), migration.adoptions, log_url.startswith("sqlite")
    with closing(open_database(log_url)) as other:
        other.write(lambda session: [session.run(one) for one in STATEMENTS])

        def meanwhile(session: Any, vault: Any, at: datetime) -> Iterator[Record]:
            found.append(has_index(other, sqlite))
            yield from adoptions(session, vault, at)
            if not sqlite:  # whose file is locked for whoever writes it
                assert log.append(make_record(1)).ours

        monkeypatch.setattr(migration, "adoptions", meanwhile)
        open_log(log_url, KEYS).close()
    assert found == [True]
    assert log.verify().valid
    assert log.head().records == (3 if sqlite else 4)


def has_index(database: Database, sqlite: bool) -> bool:
    names = "SELECT name FROM sqlite_master" if sqlite else "SELECT indexname FROM pg_indexes"
    return ("decisions_book",) in database.read(lambda session: session.rows(names))


@pytest.mark.integration
def test_a_large_tables_index_takes_as_long_as_it_takes(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SETTINGS", "SET statement_timeout = '100ms'")
    with closing(open_database(postgres_database)) as database:
        database.create(["SELECT pg_sleep(0.3)"])
        with pytest.raises(LogUnavailable, match="statement timeout"):
            database.write(lambda session: session.run("SELECT pg_sleep(0.3)"))
