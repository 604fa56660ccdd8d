"""Single reads in groups: whoever comes while one runs is read for together, and takes nobody along when it fails."""

import asyncio
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.store.failures import OnlineStoreError
from features.store.online import OnlineRows
from serving.desk import Desk, Looked, Reader
from serving.lookups import Lookups, in_time
from serving.release import load_release
from tests.serving.small_releases import FakeReader, build_small, fresh_reader

NOW = datetime(2026, 2, 2, tzinfo=UTC)


class Gated(Reader):
    """Notes what it was asked for at once, and reads only when it is let."""

    def __init__(self, reader: FakeReader) -> None:
        self.reader = reader
        self.asked: list[list[int | str]] = []
        self.faults: dict[int | str, Exception] = {}
        self.open = threading.Event()

    def read(self, keys: Sequence[int | str]) -> OnlineRows:
        self.asked.append(list(keys))
        assert self.open.wait(10)
        for key in keys:
            if key in self.faults:
                raise self.faults[key]
        return self.reader.read(keys)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("releases")
    return load_release(folder / build_small(folder))


@pytest.fixture
def desk(release: Any) -> Desk:
    return Desk(release, Gated(fresh_reader(NOW)))


def look_up(desk: Desk, *waves: list[int], leave: int | None = None) -> list[Looked | None]:
    """What each is found, all waves having come while the first was read; None: it did not wait."""

    async def all_of_them() -> list[Looked | None]:
        with ThreadPoolExecutor(4) as threads:
            lookups = Lookups(threads)
            futures = [lookups.look_up(desk, entity, NOW + timedelta(days=place)) for wave in waves
                       for place, entity in enumerate(wave)]  # fmt: skip
            if leave is not None:
                futures[leave].cancel()
            desk.reader.open.set()  # type: ignore[attr-defined]
            found = await asyncio.gather(*futures, return_exceptions=True)
        assert not lookups._waiting
        return [None if isinstance(one, BaseException) else one for one in found]

    return asyncio.run(all_of_them())


def test_who_comes_while_one_is_read_is_read_for_together(desk: Desk) -> None:
    found = look_up(desk, [1], [2, 3, 1])
    assert desk.reader.asked == [[1], [2, 3, 1]]  # type: ignore[attr-defined]
    expected = [desk.look_up([entity], NOW + timedelta(days=days)) for entity, days in ((1, 0), (2, 0), (3, 1), (1, 2))]
    assert repr(found) == repr(expected)


def test_one_that_cannot_be_read_takes_no_other_along(desk: Desk) -> None:
    desk.reader.faults[2] = UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates")  # type: ignore[attr-defined]
    found = look_up(desk, [1], [2, 3])
    assert desk.reader.asked == [[1], [2, 3], [2], [3]]  # type: ignore[attr-defined]
    assert [one is not None and one.rows.late for one in found] == [False, True, False]


def test_a_store_that_is_away_is_not_asked_for_each(desk: Desk) -> None:
    desk.reader.faults[2] = OnlineStoreError("away")  # type: ignore[attr-defined]
    found = look_up(desk, [1], [2, 3])
    assert desk.reader.asked == [[1], [2, 3]]  # type: ignore[attr-defined]
    assert [one is not None and one.rows.late for one in found] == [False, True, True]


def test_nothing_is_read_for_who_waits_no_longer(desk: Desk) -> None:
    found = look_up(desk, [1], [2, 3], leave=1)
    assert desk.reader.asked == [[1], [3]]  # type: ignore[attr-defined]
    assert [one is None for one in found] == [False, True, False]


def test_what_came_while_the_loop_was_busy_is_not_late() -> None:
    async def work(seconds: float) -> bool:
        mine, theirs = socket.socketpair()
        with mine, theirs:
            reader, writer = await asyncio.open_connection(sock=mine)
            reading = asyncio.ensure_future(reader.readexactly(1))
            asking = asyncio.ensure_future(in_time(reading, 0.01))
            await asyncio.sleep(0)
            theirs.send(b"1"[: int(seconds > 0)])
            time.sleep(seconds)
            found = await asking
            writer.close()
            assert reading.cancelled() is not found
            return found

    assert asyncio.run(work(0.03))
    assert not asyncio.run(work(0))
