import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.lists.book import ListBook, open_lists
from serving.lists.entry import BadEntry, Entry, Named, hashed, normalise
from serving.lists.watch import ListWatch
from serving.log.decision_log import DecisionLog, open_log
from tests.serving.log.keyring import KEYS

SECRET = b"s" * 32
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = NOW.date()
ANN = Named("name", "Ann O'Neil-Müller")
ENTRY = Entry("judicial", ANN, "court of X", "unpaid judgement")


@pytest.fixture
def book(url: str, log: DecisionLog) -> Iterator[ListBook]:
    book = open_lists(url, SECRET, log.vault)
    yield book
    book.close()


def hits(book: ListBook, *named: Named, day: date = DAY) -> set[str]:
    return set(book.index().hits(named, day))


def test_a_name_is_found_however_it_is_written(book: ListBook) -> None:
    assert book.add([ENTRY], by="bob", at=NOW) == 1
    for written in ("ann oneil müller", "ＡＮＮ  O\u2019NEIL\u2013MU\u0308LLER", "Ann.O'Neil Müller"):
        assert hits(book, Named("name", written)) == {"judicial"}, written
    assert not hits(book, Named("name", "Ann ONeil Muller"), Named("company", ANN.value))


def test_an_exact_entry_is_found_as_it_is_written_only(book: ListBook) -> None:
    book.add([replace(ENTRY, match="exact", named=Named("device", "Ab-1"))], by="bob", at=NOW)
    assert hits(book, Named("device", " Ab-1 ")) == {"judicial"}
    assert not hits(book, Named("device", "ab1"))


def test_an_entity_is_one_of_its_portfolio(book: ListBook) -> None:
    book.add([replace(ENTRY, named=Named("entity", "17", "cards"))], by="bob", at=NOW)
    assert hits(book, Named("entity", "17", "cards"))
    assert not hits(book, Named("entity", "17", "loans"))


def test_both_days_are_included(book: ListBook) -> None:
    book.add([replace(ENTRY, valid_from=date(2026, 2, 1), valid_until=date(2026, 3, 2))], by="bob", at=NOW)
    days = [date(2026, 1, 31), date(2026, 2, 1), date(2026, 3, 2), date(2026, 3, 3)]
    assert [bool(hits(book, ANN, day=day)) for day in days] == [False, True, True, False]


def test_adding_again_changes_nothing_and_what_was_expired_can_return(book: ListBook) -> None:
    assert [book.add([ENTRY, ENTRY], by="bob", at=NOW) for _ in range(2)] == [1, 0]
    (shown,) = book.show("judicial")
    assert (shown.source, shown.added_by, shown.ended_at) == ("court of X", "bob", None)
    book.expire(shown.id[:8], by="eve", at=NOW)
    assert not hits(book, ANN)
    assert book.show()[0].ended_by == "eve"
    with pytest.raises(BadEntry, match="found 0 open entries"):
        book.expire(shown.id, by="eve", at=NOW)
    assert book.add([ENTRY], by="bob", at=NOW) == 1
    assert hits(book, ANN) == {"judicial"}
    assert [one.ended_by for one in book.show()].count("eve") == 1


def test_one_bad_entry_keeps_all_out(book: ListBook) -> None:
    with pytest.raises(BadEntry, match="source and reason"):
        book.add([ENTRY, replace(ENTRY, reason=" ")], by="bob", at=NOW)
    assert book.show() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"list": "Tax List"}, "list"),
        ({"named": Named("name", " -'")}, "value"),
        ({"named": Named("name", "x" * 501)}, "value"),
        ({"named": Named("entity", "17")}, "portfolio"),
        ({"named": Named("name", "Ann", "cards")}, "portfolio"),
        ({"named": Named("ship", "Ann")}, "kind"),  # type: ignore[arg-type]
        ({"valid_from": date(2026, 3, 3), "valid_until": date(2026, 3, 2)}, "valid_until"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_without_naming_anyone(change: dict[str, object], message: str) -> None:
    from serving.lists.entry import checked

    with pytest.raises(BadEntry, match=message) as refused:
        checked(replace(ENTRY, **change))  # type: ignore[arg-type]
    assert "Ann" not in str(refused.value)


def test_no_value_is_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    with closing(open_log(url, KEYS)) as log, closing(open_lists(url, SECRET, log.vault)) as book:
        book.add([replace(ENTRY, named=Named("phone", "+886 912 345 678"))], by="bob", at=NOW)
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"court of X" in content
    assert not any(part in content for part in (b"345 678", b"886912345678"))
    assert hashed(SECRET, ANN, "exact") != hashed(b"t" * 32, ANN, "exact")


@given(st.text(max_size=40))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
    assert normalise(f" {text}. ") == normalise(text)


def test_a_change_is_known_without_being_told(book: ListBook, url: str) -> None:
    async def ask() -> None:
        watch = ListWatch(open_lists(url, SECRET))
        assert await watch.hits([ANN], DAY) == frozenset()
        await asyncio.to_thread(book.add, [ENTRY], by="bob", at=NOW)
        async with asyncio.timeout(30):
            while not await watch.hits([ANN], DAY):
                await asyncio.sleep(0.01)
        await watch.close()

    asyncio.run(ask())


def test_lists_that_cannot_be_read_are_not_known(tmp_path: Path) -> None:
    async def ask() -> frozenset[str] | None:
        book = open_lists(f"sqlite:///{tmp_path / 'log.db'}", SECRET)
        watch = ListWatch(book)
        book.close()
        await asyncio.sleep(1)
        return await watch.hits([ANN], DAY)

    assert asyncio.run(ask()) is None
