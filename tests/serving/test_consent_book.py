"""What was said about consent, kept and counted: on SQLite and Postgres."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.consents import BadConsent, Consent, ConsentBook, Word, open_consents
from serving.log.decision_log import DecisionLog
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.policy import ConsentPurpose
from tests.serving.api.worker import CAMPAIGN, PORTFOLIO

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def book(url: str, log: DecisionLog) -> Iterator[ConsentBook]:
    book = open_consents(url, log.vault)
    yield book
    book.close()


def say(book: ConsentBook, state: Word, *, entity: str = "1", days: int = 0, **other: Any) -> bool:
    purpose: ConsentPurpose = other.get("purpose", "credit")
    said = START + timedelta(days=days)
    given = Consent(purpose, state, said, other.get("source", "form"))
    return book.record(other.get("portfolio", PORTFOLIO), entity, given, by="ann", at=other.get("told", said))


def state(book: ConsentBook, days: int, *entities: str) -> list[str]:
    found = book.states(PORTFOLIO, entities or ("1",), ("credit",), START + timedelta(days=days))
    return [one["credit"] for one in found]


def test_the_last_word_before_a_time_holds_whenever_it_was_recorded(book: ConsentBook) -> None:
    assert say(book, "withdrawn", days=5)
    assert say(book, "granted", days=1)
    assert [state(book, days) for days in (0, 1, 4, 5)] == [["none"], ["granted"], ["granted"], ["withdrawn"]]
    assert [one.consent.state for one in book.history(PORTFOLIO, "1")] == ["granted", "withdrawn"]


def test_a_word_that_is_dated_ahead_counts_from_when_it_was_told(book: ConsentBook) -> None:
    told = START + timedelta(days=1)
    assert say(book, "granted", days=5, told=told)
    assert [state(book, days) for days in (0, 1)] == [["none"], ["granted"]]
    assert say(book, "withdrawn", days=2)
    assert [state(book, days) for days in (2, 6)] == [["withdrawn"], ["withdrawn"]]  # the grant comes not back
    assert say(book, "withdrawn", days=9, told=START + timedelta(days=6))
    assert say(book, "granted", days=7)
    assert [state(book, days) for days in (6, 7, 9)] == [["withdrawn"], ["granted"], ["granted"]]


def test_a_word_said_again_stands_once_and_nothing_is_overwritten(book: ConsentBook) -> None:
    assert say(book, "granted")
    assert not say(book, "granted")
    assert say(book, "withdrawn")
    assert state(book, 0) == ["withdrawn"]
    assert len(book.history(PORTFOLIO, "1")) == 2


@pytest.mark.parametrize("words", [("granted", "withdrawn"), ("withdrawn", "granted")])
def test_of_words_of_one_instant_the_withdrawal_holds_however_they_arrived(
    book: ConsentBook, log: DecisionLog, words: tuple[Word, Word]
) -> None:
    for said in words:
        assert say(book, said)
    assert state(book, 0) == ["withdrawn"]
    assert [one.consent.state for one in book.history(PORTFOLIO, "1")] == ["granted", "withdrawn"]
    log.erase(Erasure(PORTFOLIO, "1", "ann", "asked", START, os.urandom(RANDOM_BYTES)))
    assert state(book, 0) == ["withdrawn"]
    assert say(book, "granted", days=1)
    assert state(book, 1) == ["granted"]
    assert log.verify().valid


def test_a_word_that_was_erased_counts_no_more_however_often_it_is_told_again(
    book: ConsentBook, log: DecisionLog
) -> None:
    for days, word in enumerate(("granted", "withdrawn", "granted")):
        assert say(book, word, days=days)  # type: ignore[arg-type]
        assert say(book, word, days=days, purpose="marketing", entity="2")  # type: ignore[arg-type]
    assert say(book, "withdrawn", days=3, purpose="marketing", entity="2")
    for entity in ("1", "2"):
        log.erase(Erasure(PORTFOLIO, entity, "ann", "asked", START, os.urandom(RANDOM_BYTES)))
    head = log.head()
    for days, word in enumerate(("granted", "withdrawn", "granted")):
        for source in ("form", "nightly sync"):
            assert not say(book, word, days=days, source=source)  # type: ignore[arg-type]
    assert not say(book, "withdrawn", days=3, purpose="marketing", entity="2")  # the one that holds
    assert (state(book, 9), book.history(PORTFOLIO, "1"), log.head()) == (["none"], [], head)
    assert [one.consent.source for one in book.history(PORTFOLIO, "2")] == [""]
    assert say(book, "granted", days=0, entity="3")  # the same word of another person
    assert say(book, "granted", days=5)  # one that they say anew
    assert state(book, 9, "1", "3") == ["granted", "granted"]
    assert log.verify().valid


def test_it_is_one_person_s_for_one_purpose_in_one_portfolio(book: ConsentBook) -> None:
    say(book, "granted", purpose="marketing")
    say(book, "granted", portfolio=CAMPAIGN)
    say(book, "granted", entity="2")
    assert state(book, 0, "1", "2", "1") == ["none", "granted", "none"]


def test_whose_it_is_stands_nowhere(url: str, book: ConsentBook, tmp_path: Path) -> None:
    say(book, "granted", entity="customer-4711")
    rows = book._ledger.read(lambda session: session.rows("SELECT * FROM consents"))
    assert "4711" not in str(rows)


@pytest.mark.parametrize("source", ["", "x" * 129, "a\nb"])
def test_a_consent_says_how_it_was_given(book: ConsentBook, source: str) -> None:
    with pytest.raises(BadConsent, match="source"):
        say(book, "granted", source=source)
