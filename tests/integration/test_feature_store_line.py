"""Features read from Redis on an event loop: what the blocking reader reads, and as quick to say that nothing comes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import hiredis
import pytest
import redis
from redis.exceptions import ResponseError

from features.lake import Lake
from features.permitted import select
from features.store.line import RedisLine
from features.store.online import OnlineReader, OnlineStoreError, open_online
from features.store.store import open_store
from tests.features.store.made_up import KEY, NAME, SERVICE, monthly, portfolio, put
from tests.servers import RedisServer

T = TypeVar("T")
pytestmark = pytest.mark.integration
PATIENCE = 5.0
"""Seconds: who tries on, as Feast's own clients do, takes longer."""


@pytest.fixture
def reader(redis_server: RedisServer, tmp_path: Path) -> Iterator[OnlineReader]:
    lake, registry = Lake(tmp_path / "lake"), f"sqlite:///{tmp_path}/registry.db"
    put(lake, monthly(5, 2), covers="2024-03-31")
    with open_store(portfolio(tmp_path), lake, registry=registry, online=redis_server.url) as store:
        store.register()
        store.materialize(date(2024, 3, 31))
    columns = select(portfolio(tmp_path).features, SERVICE)
    made = open_online(NAME, KEY, columns, registry=registry, online=redis_server.url)
    assert made.way == "soon"
    yield made
    made.close()


def run(reader: OnlineReader, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `work` returns, the reader's connection closed on the loop that it belongs to."""

    async def whole() -> T:
        try:
            return await work()
        finally:
            reader.close()
            await asyncio.sleep(0)

    return asyncio.run(whole())


def test_many_at_once_are_read_as_one_by_one(reader: OnlineReader) -> None:
    async def soon() -> list[object]:
        return list(await asyncio.gather(*(reader.read_soon(key) for key in (*range(5), 99))))

    assert run(reader, soon) == [reader.read([key]) for key in (*range(5), 99)]


def test_a_server_that_is_down_is_an_error_at_once_and_one_that_is_back_is_used(
    reader: OnlineReader, redis_server: RedisServer
) -> None:
    async def work() -> None:
        before = await reader.read_soon(1)
        redis_server.stop()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(OnlineStoreError, match="does not answer"):
                await reader.read_soon(1)
        redis_server.start()
        assert await reader.read_soon(1) == before
        redis_server.stop()
        redis_server.start()
        assert await reader.read_soon(1) == before

    run(reader, work)


def test_a_server_that_hangs_is_asked_no_more_than_what_it_owes(
    reader: OnlineReader, redis_server: RedisServer
) -> None:
    async def work() -> None:
        before = await reader.read_soon(1)
        with redis_server.paused():
            for _ in range(3):  # as a request does, each waits 25 ms; the third finds that a reply is overdue
                asking = asyncio.ensure_future(reader.read_soon(1))
                await asyncio.wait([asking], timeout=0.03)
                assert not asking.done()
                asking.cancel()
        assert await reader.read_soon(1) == before

    run(reader, work)


def test_who_comes_and_which_database_is_said_first(redis_server: RedisServer) -> None:
    client = redis.Redis.from_url(redis_server.url)
    client.config_set("requirepass", "secret")
    try:
        place = {"host": "127.0.0.1", "port": redis_server.port, "db": "1", "password": "secret"}
        signed = redis.Redis(**place)  # type: ignore[arg-type]
        signed.set("here", "yes")
        get = hiredis.pack_command(("GET", "here"))

        async def ask(**other: str) -> object:
            line = RedisLine({**place, **other}, 1.0)
            try:
                return await line.ask(get)
            finally:
                line.close()
                await asyncio.sleep(0)

        assert asyncio.run(ask()) == b"yes"
        assert asyncio.run(ask(db="0")) is None
        with pytest.raises(ResponseError, match=r"WRONGPASS|invalid password"):
            asyncio.run(ask(password="wrong"))
        signed.delete("here")
    finally:
        client = redis.Redis.from_url(redis_server.url, password="secret")
        client.config_set("requirepass", "")


def test_a_connection_that_takes_longer_than_a_request_waits_is_made_for_those_that_come_after() -> None:
    async def greets_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(1000):
                await asyncio.sleep(0.04)
                writer.write(b"+OK\r\n")
        except ConnectionError:
            pass  # it was ended by the other side
        finally:
            writer.close()
            ended.set()

    ended = asyncio.Event()

    async def whole() -> tuple[object, int]:
        server = await asyncio.start_server(greets_slowly, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        line = RedisLine({"host": host, "port": port, "password": "p"}, 0.025)
        tries = 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.025):
                await line.ask(hiredis.pack_command(("PING",)))
        while line._open is None:
            tries += 1
            await asyncio.sleep(0.01)
        answer = await line.ask(hiredis.pack_command(("PING",)))
        line.close()
        await ended.wait()
        server.close()
        return answer, tries

    answer, tries = asyncio.run(whole())
    assert answer == b"OK"
    assert tries < 100
