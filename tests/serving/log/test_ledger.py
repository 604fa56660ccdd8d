"""What changes in a book beside the log is an act in its chain, with who did it: both or neither, and no secret."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.consents import Consent, open_consents
from serving.lists.book import open_lists
from serving.lists.entry import Entry, Named, hashed
from serving.log.act import deed
from serving.log.database import Session
from serving.log.decision_log import DecisionLog, open_log
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.export import export_log
from serving.log.ledger import LedgerClosed, open_ledger
from serving.log.record import Record
from serving.partners.book import open_book
from serving.partners.partner import make_partner
from serving.pauses import Pause, open_pauses
from tests.serving.log.examples import START, make_record
from tests.serving.log.keyring import KEYS

SECRET = b"s" * 32
CARDS = "taiwan_cards"
DAY = timedelta(days=1)
TABLE = ("CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY)",)


def acts(log: DecisionLog) -> list[Record]:
    found = [log.find(stored["decision_id"]) for stored, _ in log.read_chain(0, log.head().records)]
    return [record for record in found if record is not None]


def told(log: DecisionLog) -> list[tuple[str, str, str, Any]]:
    return [(one.kind, one.outcome, one.portfolio, one.inputs["by"]) for one in acts(log)]


def test_partners_are_added_rotated_changed_and_revoked_on_record(log: DecisionLog, log_url: str) -> None:
    with closing(open_book(log_url, SECRET, log.vault)) as book:
        keys = [book.add(make_partner("shop", "decide,read", CARDS, "50/s", 20), by="ann", at=START)]
        keys.append(book.rotate("shop", overlap=DAY, by="bob", at=START + DAY))
        book.change("shop", by="cyn", at=START + DAY, quota="9/m")
        book.change("shop", by="cyn", at=START + DAY, quota="9/m")  # it is so already: no act
        book.revoke("shop", by="os:root", at=START + 2 * DAY)
        with pytest.raises(ValueError, match="revoked"):
            book.revoke("shop", by="eve", at=START + 3 * DAY)
    assert told(log) == [
        ("partner", "add", "*", "ann"),
        ("partner", "rotate", "*", "bob"),
        ("partner", "change", "*", "cyn"),
        ("partner", "revoke", "*", "os:root"),
    ]
    added, rotated, changed, _ = acts(log)
    assert (changed.inputs["before"]["quota"], changed.inputs["quota"]) == ("50/s", "9/m")
    assert (added.inputs["quota"], added.inputs["scopes"], added.inputs["portfolios"]) == (
        "50/s",
        ["decide", "read"],
        [CARDS],
    )
    assert rotated.inputs["others_end"] == "2009-05-03T00:00:00.000000Z"
    assert not any(key.rpartition("_")[2] in str(one.inputs) for key in keys for one in acts(log))


def test_lists_are_filled_and_expired_on_record_by_keyed_hashes(log: DecisionLog, log_url: str) -> None:
    entries = [Entry("tax", Named("name", name), "bureau", f"{name} owes") for name in ("Ann Lee", "Bob Wu")]
    with closing(open_lists(log_url, SECRET, log.vault)) as book:
        assert book.add(entries[:1], by="ann", at=START) == 1
        assert book.add(entries, by="bob", at=START, act="import") == 1
        assert book.add(entries, by="eve", at=START, act="import") == 0
        name = next(one.id for one in book.show("tax") if one.added_by == "bob")
        book.expire(name, by="ria", at=START + DAY)
    assert [(one.outcome, one.inputs["by"], one.inputs["version"], one.inputs["entries"]) for one in acts(log)] == [
        ("add", "ann", 1, 1),
        ("import", "bob", 2, 1),
        ("expire", "ria", 3, 1),
    ]
    assert acts(log)[-1].inputs["hash"] == hashed(SECRET, entries[1].named, "normalised")
    assert not any(name in str(one) for one in acts(log) for name in ("Lee", "Wu", "owes"))


def test_consents_are_on_record_sealed_and_go_with_the_person(log: DecisionLog, log_url: str, tmp_path: Path) -> None:
    with closing(open_consents(log_url, log.vault)) as book:
        for state in ("granted", "granted", "withdrawn"):
            given = Consent("credit", state, START, "a call to Mr Lee")  # type: ignore[arg-type]
            book.record(CARDS, "customer-7", given, by="partner:shop", at=START + DAY)
    assert told(log) == [("consent", state, CARDS, "partner:shop") for state in ("granted", "withdrawn")]
    first = acts(log)[0]
    assert (first.entity_id, first.personal) == ("customer-7", {"source": "a call to Mr Lee"})
    assert first.inputs == {
        "act": "granted", "by": "partner:shop", "number": 1, "purpose": "credit",
        "said_at": "2009-05-01T00:00:00.000000Z",
    }  # fmt: skip
    for stored, _ in log.read_chain(0, 2):
        clear = str({name: value for name, value in stored.items() if name not in ("subject", "features")})
        assert "customer-7" not in clear
        assert "Lee" not in clear
    export_log(log, tmp_path / "lake")
    assert not [*(tmp_path / "lake").rglob("*.parquet")]
    log.erase(Erasure(CARDS, "customer-7", "ann", "asked", START + DAY, os.urandom(RANDOM_BYTES)))
    assert [one.erased for one in acts(log)] == [True, True, False, False]
    erasure, words = acts(log)[2:]  # the second has marks of what is left of the words, and nothing of the person
    assert (erasure.kind, words.kind, words.outcome, words.inputs["by"]) == ("erasure", "consent", "erased", "ann")
    assert words.entity_id != "customer-7"
    assert not {"customer-7", "a call to Mr Lee"} & set(map(str, words.inputs.values()))
    assert log.verify().valid


def test_pauses_are_set_and_lifted_on_record_once(log: DecisionLog, log_url: str) -> None:
    pause = Pause(CARDS, START.date(), "psi", "drift", "monitoring", START)
    with closing(open_pauses(log_url, log.vault)) as pauses:
        for _ in range(2):
            pauses.set_pause(pause)
            pauses.lift_pause(CARDS, lifted_by="ann", at=START + DAY, reason="read the report")
    assert told(log) == [("staff", "set_pause", CARDS, "monitoring"), ("staff", "lift_pause", CARDS, "ann")]
    assert acts(log)[1].inputs["causes"] == ["psi"]
    assert acts(log)[1].decided_at == START + DAY


def test_neither_is_ever_without_the_other(log: DecisionLog, log_url: str) -> None:
    def mark(name: str, act: Record) -> Callable[[Session], tuple[None, list[Record]]]:
        def work(session: Session) -> tuple[None, list[Record]]:
            session.insert("marks", ("name",), [(name,)])
            return None, [act]

        return work

    good = deed("staff", "mark", "ann", START, {})
    bad = deed("staff", "x" * 300, "ann", START, {})  # too long for the log
    with closing(open_ledger(log_url, "marks", TABLE, log.vault)) as ledger:
        ledger.enact("*", START, mark("a", good))
        with pytest.raises(ValueError, match="outcome"):
            ledger.enact("*", START, mark("b", bad))
        with pytest.raises(Exception, match=r"marks|UNIQUE"):
            ledger.enact("*", START, mark("a", deed("staff", "mark", "bob", START, {})))
        assert ledger.read(lambda session: session.rows("SELECT name FROM marks")) == [("a",)]
    assert [one.inputs["by"] for one in acts(log)] == ["ann"]
    with closing(open_ledger(log_url, "marks", TABLE)) as closed, pytest.raises(LedgerClosed):
        closed.enact("*", START, mark("c", good))


@pytest.fixture
def crowd(log: DecisionLog, log_url: str) -> Iterator[list[Callable[[int], object]]]:
    """What several processes do at once: each has connections of its own."""
    with (
        closing(open_log(log_url, KEYS)) as own,
        closing(open_book(log_url, SECRET, log.vault)) as partners,
        closing(open_lists(log_url, SECRET, own.vault)) as lists,
        closing(open_consents(log_url, own.vault)) as consents,
    ):
        yield [
            lambda n: log.append(make_record(n)),
            lambda n: partners.add(make_partner(f"p{n}", "read", "*", "1/s", 1), by="ann", at=START),
            lambda n: lists.add([Entry("tax", Named("name", f"person {n}"), "x", "y")], by="ann", at=START),
            lambda n: consents.record(CARDS, f"{n}", Consent("credit", "granted", START, "x"), by="ann", at=START),
        ]


def test_decisions_and_changes_of_all_books_share_one_chain(log: DecisionLog, crowd: list[Any]) -> None:
    times, faults = 8, []

    def run(work: Callable[[int], object]) -> None:
        try:
            for n in range(times):
                work(n)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert log.verify().valid
    assert log.head().records == times * len(crowd)


def test_a_time_without_a_zone_leaves_nothing(log: DecisionLog, log_url: str) -> None:
    with closing(open_book(log_url, SECRET, log.vault)) as book, pytest.raises(ValueError, match="without a zone"):
        book.add(make_partner("shop", "read", "*", "1/s", 1), by="ann", at=datetime(2026, 1, 1))
    with closing(open_book(log_url, SECRET)) as book:
        assert book.history(datetime.now(UTC)) == []
