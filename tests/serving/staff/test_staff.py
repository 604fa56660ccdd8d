"""The staff: accounts, passwords, waits after wrong ones, sessions; on both databases, every change in the chain."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from argon2 import PasswordHasher

from serving.log.act import EVERYWHERE
from serving.log.decision_log import DecisionLog, open_log
from serving.partners.tokens import make_token
from serving.staff.book import StaffBook, open_staff
from serving.staff.member import BadStaff, make_member
from serving.staff.passwords import BadPassword, Passwords
from serving.staff.reception import FREE_ATTEMPTS, NotSignedIn, Reception
from serving.staff.sessions import LIFE_SECONDS, make_session, read_session
from tests.serving.log.keyring import KEYS

SECRET = b"s" * 32
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
GOOD, WRONG = "correct horse battery", "wrong horse battery"
ANN = make_member("ann", "reviewer,auditor", "cards")


@pytest.fixture
def log(url: str) -> Iterator[DecisionLog]:
    log = open_log(url, KEYS)
    yield log
    log.close()


@pytest.fixture
def book(url: str, log: DecisionLog) -> Iterator[StaffBook]:
    book = open_staff(url, log)
    book.add(ANN, by="root", at=NOW, password=CHEAP.make("ann", GOOD))
    yield book
    book.close()


@pytest.fixture
def reception(book: StaffBook) -> Reception:
    return Reception(book, SECRET, CHEAP)


def acts(log: DecisionLog) -> list[tuple[str, str, str]]:
    found = (stored for stored, _ in log.read_chain(0, log.head().records))
    records = [log.find(stored["decision_id"]) for stored in found]
    assert {record.kind for record in records if record} == {"staff"}
    assert {record.portfolio for record in records if record} == {EVERYWHERE}
    return [(record.outcome, record.inputs["staff"], record.inputs["by"]) for record in records if record]  # type: ignore[misc]


def test_every_change_is_in_the_chain_with_who_made_it(book: StaffBook, log: DecisionLog) -> None:
    book.change(replace(ANN, roles=frozenset({"engineer"})), by="kim", at=NOW)
    book.change(replace(ANN, roles=frozenset({"engineer"})), by="kim", at=NOW)
    book.set_password("ann", CHEAP.make("ann", GOOD), by="ann", at=NOW)
    book.end("ann", by="root", at=NOW)
    assert acts(log) == [
        ("add", "ann", "root"),
        ("change", "ann", "kim"),
        ("password", "ann", "ann"),
        ("end", "ann", "root"),
    ]
    assert log.verify().valid


def test_a_name_is_never_given_to_another(book: StaffBook) -> None:
    with pytest.raises(BadStaff, match="is or was"):
        book.add(ANN, by="root", at=NOW)
    book.end("ann", by="root", at=NOW)
    assert book.find("ann") is None
    with pytest.raises(BadStaff, match="is or was"):
        book.add(ANN, by="root", at=NOW)
    for change in (lambda: book.end("ann", by="root", at=NOW), lambda: book.end("bob", by="root", at=NOW)):
        with pytest.raises(BadStaff):
            change()


def test_a_password_opens_and_is_stored_nowhere(book: StaffBook, reception: Reception, log: DecisionLog) -> None:
    found = reception.sign_in("ann", GOOD, NOW)
    assert (found.member.name, found.member.roles) == ("ann", {"reviewer", "auditor"})
    assert reception.member(found.token, NOW) == found.member
    assert acts(log)[-1] == ("sign_in", "ann", "ann")
    rows = book.database.read(lambda session: session.rows("SELECT password FROM staff"))
    assert rows[0][0].startswith("$argon2id$")
    assert GOOD not in str(rows)
    assert book.history()[0].signed_in_at is not None


@pytest.mark.parametrize(("name", "password"), [("ann", WRONG), ("nobody", GOOD), ("ann", ""), ("ann'--", GOOD)])
def test_who_is_wrong_is_told_nothing_more(reception: Reception, name: str, password: str) -> None:
    with pytest.raises(NotSignedIn) as refused:
        reception.sign_in(name, password, NOW)
    with pytest.raises(NotSignedIn) as other:
        reception.sign_in("someone-else", password, NOW)
    assert str(refused.value) == str(other.value)


def test_wrong_passwords_make_everyone_wait_longer_and_longer(
    book: StaffBook, reception: Reception, log: DecisionLog
) -> None:
    def tries(at: datetime, password: str = WRONG) -> None:
        with pytest.raises(NotSignedIn):
            reception.sign_in("ann", password, at)

    for _ in range(FREE_ATTEMPTS):
        tries(NOW)
    tries(NOW + 29 * SECOND, GOOD)
    assert acts(log)[-1] == ("lock", "ann", "ann")
    locked = log.head().records
    tries(NOW + 30 * SECOND)
    tries(NOW + 89 * SECOND, GOOD)
    assert log.head().records == locked + 1
    assert reception.sign_in("ann", GOOD, NOW + 91 * SECOND).member.name == "ann"
    for _ in range(FREE_ATTEMPTS - 1):
        tries(NOW + 92 * SECOND)
    assert reception.sign_in("ann", GOOD, NOW + 92 * SECOND).member.name == "ann"


def test_the_wait_ends_within_a_quarter_of_an_hour_and_with_another_password(
    book: StaffBook, reception: Reception
) -> None:
    at = NOW
    for _ in range(40):
        with pytest.raises(NotSignedIn):
            reception.sign_in("ann", WRONG, at)
        at += timedelta(minutes=15)
    assert reception.sign_in("ann", GOOD, at).member.name == "ann"
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(NotSignedIn):
            reception.sign_in("ann", WRONG, at)
    book.set_password("ann", CHEAP.make("ann", WRONG), by="root", at=at)
    assert reception.sign_in("ann", WRONG, at).member.name == "ann"


def test_a_session_ends_with_its_time_the_password_and_the_member(book: StaffBook, reception: Reception) -> None:
    token = reception.sign_in("ann", GOOD, NOW).token
    end = timedelta(seconds=LIFE_SECONDS)
    assert reception.member(token, NOW + end - SECOND)
    assert reception.member(token, NOW + end) is None
    book.change(replace(ANN, roles=frozenset({"marketer"})), by="root", at=NOW)
    known = reception.member(token, NOW)
    assert known is not None
    assert known.roles == {"marketer"}
    book.set_password("ann", CHEAP.make("ann", GOOD), by="ann", at=NOW)
    assert reception.member(token, NOW) is None
    token = reception.sign_in("ann", GOOD, NOW).token
    book.end("ann", by="root", at=NOW)
    assert reception.member(token, NOW) is None
    with pytest.raises(NotSignedIn):
        reception.sign_in("ann", GOOD, NOW)


def test_a_session_is_no_partner_s_token_nor_anyone_s_who_made_it(reception: Reception) -> None:
    good = make_session(SECRET, ANN, NOW)
    plain = jwt.encode({**jwt.decode(good, options={"verify_signature": False})}, None, "none")
    forged = make_session(b"t" * 32, ANN, NOW)
    partner = make_token(SECRET, "ann", ["decide"], NOW)
    for token in ("", "a.b.c", plain, forged, partner, good + "x", good[:-1]):
        assert read_session(SECRET, token, NOW) is None
    assert read_session(SECRET, good, NOW) == ("ann", 0)


def test_an_account_of_a_provider_has_no_password_and_is_found_by_its_subject(
    book: StaffBook, reception: Reception
) -> None:
    eve = make_member("eve", "auditor", "*")
    book.add(eve, by="provider", at=NOW, identity=("https://id", "123"))
    assert book.find_subject("https://id", "123") == eve
    assert book.find_subject("https://other", "123") is None
    with pytest.raises(NotSignedIn):
        reception.sign_in("eve", "", NOW)
    assert [one.account for one in book.history()] == ["local", "https://id"]


def test_who_may_do_what() -> None:
    assert ANN.may_review("cards")
    assert not ANN.may_review("loans")
    assert not make_member("amy", "auditor", "*").may_review("cards")
    assert make_member("amy", "auditor", "*").reads_reviews
    assert not make_member("joe", "engineer,marketer", "*").reads_reviews


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("Ann", "auditor", "*"), "name"),
        (("lendloop", "auditor", "*"), "platform"),
        (("monitoring", "auditor", "*"), "platform"),
        (("ann", "king", "*"), "roles"),
        (("ann", "", "*"), "roles"),
        (("ann", "auditor", ""), "portfolios"),
        (("ann", "auditor", "../x"), "portfolios"),
    ],
)
def test_who_cannot_be_on_the_staff(given: tuple[str, str, str], message: str) -> None:
    with pytest.raises(BadStaff, match=message):
        make_member(*given)


@pytest.mark.parametrize("password", ["short", "x" * 129, "aaaaaaaaaaaaaaaa", "ann ann ann ann", "with\ttab and more"])
def test_a_password_that_is_none(password: str) -> None:
    with pytest.raises(BadPassword) as refused:
        CHEAP.make("ann", password)
    assert password not in str(refused.value)


def test_the_same_letters_from_another_keyboard_are_the_same_password() -> None:
    stored = CHEAP.make("ann", "caf\u00e9 au lait, please")
    assert CHEAP.fits(stored, "cafe\u0301 au lait, please")
    assert not CHEAP.fits("no hash", "caf\u00e9 au lait, please")


def test_what_it_costs_to_try_is_what_rfc_9106_recommends() -> None:
    stored = Passwords().make("ann", GOOD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
