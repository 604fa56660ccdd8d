"""Who sends a body slowly waits alone: real sockets, and others who decide meanwhile."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from serving.api import limits
from serving.api.app import create_app
from serving.api.shedding import Shedding
from serving.clerk import Clerk
from tests.serving.api.test_contract import served
from tests.serving.api.worker import DECISIONS, PASSWORD, Worker

MOST = 16
LOGIN = "/v1/staff/login"


class Small(Worker):
    """A worker that takes on few requests at once."""

    shedding: Shedding

    def app(self, clerk: Clerk) -> Any:
        self.shedding = Shedding(MOST, 0.25)
        return create_app(lambda: clerk, self.releases, self.shedding)


@pytest.fixture
def small(tmp_path: Any) -> Any:
    worker = Small(tmp_path)
    yield worker
    worker.close()


async def half_sent(url: str, path: str, key: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which a request stands still in the middle of its body."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: 200\r\n\r\n".encode() + b'{"entity_id":')
    await writer.drain()
    return reader, writer


async def statuses(url: str, key: str, requests: int) -> list[int]:
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
        return [(await client.post(DECISIONS, json={"entity_id": 1})).status_code for _ in range(requests)]


def test_bodies_that_stand_still_take_no_place_of_others(small: Small) -> None:
    slow = small.partner("slow", "decide", "*", concurrency=60)

    async def run(url: str) -> None:
        began = time.monotonic()
        halves = [await half_sent(url, DECISIONS, slow) for _ in range(60)]
        assert await statuses(url, small.key, 30) == [200] * 30
        assert await statuses(url, slow, 1) == [429]  # they are at their own expense
        for reader, writer in halves:
            answer = await reader.read()  # to the end: the connection is closed
            assert answer.startswith(b"HTTP/1.1 408 "), answer
            assert b"application/problem+json" in answer
            writer.close()
        assert 4 < time.monotonic() - began < 30
        assert small.shedding.limit == MOST
        assert await statuses(url, slow, 1) == [200]

    with served(small) as url:
        asyncio.run(run(url))


def test_strangers_who_stand_still_are_few_and_keep_nobody_from_signing_in(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STRANGERS", 3)
    small.member("ann")

    async def run(url: str) -> None:
        began = time.monotonic()
        halves = [await half_sent(url, LOGIN, "") for _ in range(5)]
        for reader, writer in halves[:2]:
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")  # they made room
            writer.close()
        async with httpx.AsyncClient(base_url=url) as client:
            signed_in = [await client.post(LOGIN, json={"name": "ann", "password": PASSWORD}) for _ in range(3)]
        assert [one.status_code for one in signed_in] == [200] * 3
        assert time.monotonic() - began < 4
        for reader, writer in halves[2:]:
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
            writer.close()

    with served(small) as url:
        asyncio.run(run(url))


Ended = list[tuple[str, int]]


def stranger(guarded: limits.Limits, address: str, ended: Ended, body: asyncio.Future[Any] | None = None) -> Any:
    """A sign-in whose body comes when `body` says, or never."""

    async def note(message: limits.Message) -> None:
        if message["type"] == "http.response.start":
            ended.append((address, message["status"]))

    async def receive() -> limits.Message:
        await (body or asyncio.get_running_loop().create_future())
        return {"type": "http.request", "body": b"{}"}

    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    scope = {"type": "http", "method": "POST", "path": LOGIN, "headers": headers, "client": (address, 1)}
    return asyncio.ensure_future(guarded(scope, receive, note))


def guard(app: limits.App, monkeypatch: pytest.MonkeyPatch) -> limits.Limits:
    monkeypatch.setattr(limits, "STRANGERS", 3)
    return limits.Limits(app, Shedding(MOST, 0.25), body_bytes=100, seconds=0.2)


def test_who_makes_room_is_of_the_address_that_most_are_of(monkeypatch: pytest.MonkeyPatch) -> None:
    guarded, ended = guard(never, monkeypatch), Ended()

    async def run() -> None:
        asks = []
        for address in ("one", "many", "many", "many", "many"):
            asks.append(stranger(guarded, address, ended))
            await asyncio.sleep(0.01)
        assert ended == [("many", 408)] * 2
        await asyncio.gather(*asks)
        assert ended[2:] == [("one", 408), ("many", 408), ("many", 408)]

    asyncio.run(run())


def test_a_stranger_with_many_addresses_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    many = ("2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:f::3", "2001:db8:1:2:f:f:f:4")
    mapped = ("::ffff:192.0.2.7", "192.0.2.7", "::ffff:c000:207", "192.0.2.7")
    others = ("2001:db8:1:3::1", "192.0.2.8")

    async def run(crowd: tuple[str, ...], other: str) -> None:
        guarded, ended, asks = guard(never, monkeypatch), Ended(), []
        for address in (other, *crowd):
            asks.append(stranger(guarded, address, ended))
            await asyncio.sleep(0.01)
        assert ended == [(address, 408) for address in crowd[:2]]
        await asyncio.gather(*asks)

    for crowd in (many, mapped):
        for other in others:
            asyncio.run(run(crowd, other))


def test_who_comes_as_the_time_of_another_runs_out_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    guarded, ended = guard(never, monkeypatch), Ended()

    async def run() -> None:
        asks = [stranger(guarded, address, ended) for address in ("1", "2", "3")]
        await asyncio.sleep(0)
        first = next(iter(guarded._strangers)).when()
        assert first is not None
        # Its task is made in the turn of the loop in which the others are told, before they have had theirs.
        loop = asyncio.get_running_loop()
        loop.call_at(first - 1e-9, lambda: asks.append(stranger(guarded, "4", ended)))
        await asyncio.gather(*asks)
        await asyncio.gather(*asks)
        assert ended == [(address, 408) for address in ("1", "2", "3", "4")]

    asyncio.run(run())


def test_whose_body_is_here_as_another_comes_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    guarded, ended = guard(slowly, monkeypatch), Ended()

    async def run() -> None:
        body = asyncio.get_running_loop().create_future()
        asks = [stranger(guarded, "1", ended, body), *(stranger(guarded, address, ended) for address in ("2", "3"))]
        await asyncio.sleep(0.01)
        asks.append(stranger(guarded, "4", ended))  # the first makes room for it,
        body.set_result(None)  # but is here in the same turn of the loop
        await asyncio.gather(*asks)
        assert ended == [("1", 200), ("2", 408), ("3", 408), ("4", 408)]

    asyncio.run(run())


async def slowly(scope: limits.Scope, receive: limits.Receive, send: limits.Send) -> None:
    await asyncio.sleep(0.05)
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def never(scope: limits.Scope, receive: limits.Receive, send: limits.Send) -> None:
    raise AssertionError("no body was here")


def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(small: Small) -> None:
    async def run(url: str) -> None:
        _, writer = await half_sent(url, DECISIONS, small.key)
        writer.close()
        await writer.wait_closed()
        assert await statuses(url, small.key, 1) == [200]

    with served(small) as url:
        asyncio.run(run(url))
    assert small.logged == 1
