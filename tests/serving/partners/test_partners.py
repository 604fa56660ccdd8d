import asyncio
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.log.decision_log import DecisionLog, open_log
from serving.log.record import PLATFORM
from serving.partners import directory
from serving.partners.book import Book, open_book
from serving.partners.directory import STRANGERS, Directory, DirectoryUnavailable
from serving.partners.key import BadServerSecret, key_id, make_key, own_key, server_secret
from serving.partners.partner import BadPartner, make_partner, parse_quota
from tests.serving.log.keyring import KEYS

SECRET = b"s" * 32
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHOP = make_partner("shop", "decide,read", "cards", "50/s", 20)


@pytest.fixture
def book(url: str, log: DecisionLog) -> Iterator[Book]:
    book = open_book(url, SECRET, log.vault)
    yield book
    book.close()


def knows(url: str, *keys: str, at: datetime = NOW) -> list[str | None]:
    async def ask() -> list[str | None]:
        known = Directory(open_book(url, SECRET), SECRET)
        try:
            found = [await known.partner(key, at) for key in keys]
        finally:
            await known.close()
        return [partner.name if partner else None for partner in found]

    return asyncio.run(ask())


def test_a_partner_is_known_by_its_key_alone(book: Book, url: str) -> None:
    key = book.add(SHOP, by="ann", at=NOW)
    forged = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert knows(url, key, forged, make_key(), "", "ll_é_1") == ["shop", None, None, None, None]
    (listed,) = book.history(NOW)
    assert (listed.partner, listed.added_by, list(listed.keys)) == (SHOP, "ann", [key_id(key)])


def test_the_key_is_stored_nowhere(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    with closing(open_log(url, KEYS)) as log, closing(open_book(url, SECRET, log.vault)) as book:
        secret = book.add(SHOP, by="ann", at=NOW).rpartition("_")[2].encode()
    assert not any(secret in file.read_bytes() for file in tmp_path.iterdir())


def test_another_server_secret_opens_nothing(book: Book, url: str) -> None:
    key = book.add(SHOP, by="ann", at=NOW)

    async def ask() -> bool:
        known = Directory(open_book(url, b"t" * 32), b"t" * 32)
        found = await known.partner(key, NOW)
        await known.close()
        return found is None

    assert asyncio.run(ask())


def test_a_name_is_used_once_and_ensured_often(book: Book, url: str) -> None:
    key = own_key(SECRET, "shop")
    for _ in range(2):
        book.ensure(SHOP, by="ann", at=NOW, key=key)
    with pytest.raises(BadPartner, match="is there already"):
        book.add(SHOP, by="ann", at=NOW)
    assert knows(url, key, own_key(SECRET, PLATFORM)) == ["shop", PLATFORM]


def test_a_rotated_key_overlaps_the_new_one(book: Book, url: str) -> None:
    old = book.add(SHOP, by="ann", at=NOW)
    new = book.rotate("shop", overlap=timedelta(hours=1), by="bob", at=NOW)
    assert knows(url, old, new, at=NOW + timedelta(minutes=59)) == ["shop", "shop"]
    assert knows(url, old, new, at=NOW + timedelta(hours=1)) == [None, "shop"]
    # A second rotation cannot prolong a key that ends sooner.
    book.rotate("shop", overlap=timedelta(days=1), by="bob", at=NOW + timedelta(minutes=1))
    assert knows(url, old, at=NOW + timedelta(hours=1)) == [None]


def test_what_a_partner_may_do_is_changed_and_its_key_stays(book: Book, url: str) -> None:
    key = book.add(SHOP, by="ann", at=NOW)
    changed = book.change("shop", by="bob", at=NOW, quota="200/m", scopes="read")
    assert changed == make_partner("shop", "read", "cards", "200/m", 20)
    assert book.history(NOW)[0].partner == changed
    assert knows(url, key) == ["shop"]
    assert book.change("shop", by="bob", at=NOW, concurrency=20) == changed
    for name, change, fault in (("shop", {"quota": "no"}, "quota"), ("nobody", {"quota": "1/s"}, "is not known")):
        with pytest.raises(BadPartner, match=fault):
            book.change(name, by="bob", at=NOW, **change)
    assert book.history(NOW)[0].partner == changed


def test_a_crowd_of_strangers_does_not_wait_for_a_second_look(
    book: Book, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds in ("MISS_SECONDS", "STALE_SECONDS", "LOOK_SECONDS"):  # one look, and no other while the test lasts
        monkeypatch.setattr(directory, seconds, 3600.0)

    async def ask() -> int:
        known = Directory(open_book(url, SECRET), SECRET)
        assert await known.partner(own_key(SECRET, PLATFORM), NOW)  # the book was read just now
        crowd = [asyncio.create_task(known.partner(make_key(), NOW)) for _ in range(5 * STRANGERS)]
        async with asyncio.timeout(60):
            assert not any(await asyncio.gather(*crowd[STRANGERS:]))
        waiting = [one for one in crowd if not one.done()]
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await known.close()
        return len(waiting)

    assert asyncio.run(ask()) == STRANGERS


def test_a_revocation_is_felt_within_a_second(book: Book, url: str) -> None:
    key = book.add(SHOP, by="ann", at=NOW)

    async def ask() -> float:
        known = Directory(open_book(url, SECRET), SECRET)
        assert await known.partner(key, NOW)
        await asyncio.to_thread(book.revoke, "shop", by="bob", at=NOW)
        loop = asyncio.get_running_loop()
        began = last = asked = loop.time()
        while await known.partner(key, NOW):
            assert loop.time() - began < 60
            await asyncio.sleep(0.01)
            last, asked = asked, loop.time()
        await known.close()
        return last - began  # when the last one who was let in asked: a machine may stand still after that

    assert asyncio.run(ask()) < 1
    with pytest.raises(BadPartner, match="was revoked"):
        book.rotate("shop", overlap=timedelta(0), by="bob", at=NOW)
    with pytest.raises(BadPartner, match="is not known"):
        book.revoke("nobody", by="bob", at=NOW)


def test_a_partner_added_later_is_known_at_once(book: Book, url: str) -> None:
    async def ask() -> bool:
        known = Directory(open_book(url, SECRET), SECRET)
        await known.partner(make_key(), NOW)
        key = await asyncio.to_thread(book.add, SHOP, by="ann", at=NOW)
        found = await known.partner(key, NOW)
        await known.close()
        return found == SHOP

    assert asyncio.run(ask())


def test_without_the_book_nobody_is_let_in(tmp_path: Path) -> None:
    book = open_book(f"sqlite:///{tmp_path / 'log.db'}", SECRET)
    book.close()

    async def ask() -> None:
        known = Directory(book, SECRET)
        try:
            await known.partner(own_key(SECRET, PLATFORM), NOW)
        finally:
            await known.close()

    with pytest.raises(DirectoryUnavailable):
        asyncio.run(ask())


def test_scopes_and_portfolios() -> None:
    assert SHOP.may("decide", "cards")
    assert not SHOP.may("decide", "loans")
    assert not SHOP.may("review", "cards")
    assert make_partner("all", "read", "*", "1/d", 1).may("read", "whatever")
    assert str(parse_quota("1000/h")) == "1000/h"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Shop"}, "name"),
        ({"scopes": "decide,fly"}, "scopes"),
        ({"scopes": ""}, "scopes"),
        ({"portfolios": "cards,../x"}, "portfolios"),
        ({"portfolios": ""}, "portfolios"),
        ({"quota": "0/s"}, "quota"),
        ({"quota": "9999999/s"}, "quota"),
        ({"concurrency": 0}, "concurrency"),
    ],
)
def test_a_partner_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    whole = {"name": "shop", "scopes": "read", "portfolios": "*", "quota": "5/s", "concurrency": 1}
    with pytest.raises(BadPartner, match=message):
        make_partner(**{**whole, **change})  # type: ignore[arg-type]


def test_the_server_secret_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "home" / "partner.key"
    first = server_secret("", file)
    assert server_secret("", file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["partner.key"]
    assert server_secret("ab" * 32, file) == bytes.fromhex("ab" * 32)
    with pytest.raises(BadServerSecret, match="LENDLOOP_PARTNER_SECRET"):
        server_secret("abc", file)
