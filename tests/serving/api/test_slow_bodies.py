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
from tests.serving.api.worker import DECISIONS, Worker

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


def test_strangers_who_stand_still_are_few(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STRANGERS", 3)

    async def run(url: str) -> None:
        halves = [await half_sent(url, LOGIN, "") for _ in range(5)]
        answers = [await reader.read() for reader, _ in halves]
        assert sorted(int(answer.split()[1]) for answer in answers) == [408] * 3 + [503] * 2
        for _, writer in halves:
            writer.close()

    with served(small) as url:
        asyncio.run(run(url))


def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(small: Small) -> None:
    async def run(url: str) -> None:
        _, writer = await half_sent(url, DECISIONS, small.key)
        writer.close()
        await writer.wait_closed()
        assert await statuses(url, small.key, 1) == [200]

    with served(small) as url:
        asyncio.run(run(url))
    assert small.logged == 1
