"""People's consents do not hang on a release that can be loaded: how ids are written is told without."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from serving import ids
from serving.consents import open_consents
from serving.ids import IdTypes, id_type
from tests.serving.api.worker import DECISIONS, PORTFOLIO, Worker, fields, problem
from tests.serving.small_releases import build_small
from tests.serving.test_consents import consent, path


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The portfolios whose releases were gone through."""
    found: list[str] = []

    def look(releases: Path, portfolio: str) -> ids.IdType | None:
        found.append(portfolio)
        return id_type(releases, portfolio)

    monkeypatch.setattr(ids, "id_type", look)
    return found


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path, consents=("credit",))
    worker.key = worker.partner("bank", "decide,consents", "*")
    yield worker
    worker.close()


@pytest.mark.parametrize("lost", ["models/risk/model.cbm", "features.json", "manifest.json"])
def test_a_word_is_taken_and_holds_while_no_release_can_be_loaded(worker: Worker, lost: str) -> None:
    folder = worker.releases / (worker.releases / PORTFOLIO / "current").read_text().strip()
    (folder / lost).write_bytes(b"{}")

    async def ask() -> list[Any]:
        async with worker.client() as client:
            problem(await client.post(DECISIONS, json={"entity_id": 1}), 503)
            told = await client.put(path(1), json=consent("withdrawn"))
            return [told, await client.get(path(1)), await client.put(path("01"), json=consent("withdrawn"))]

    told, read, other = asyncio.run(ask())
    assert [one["state"] for one in told.json()["consents"]] == ["withdrawn"]
    assert read.json() == told.json()
    if lost.startswith("models/"):
        assert fields(other) == ["path.entity"]
    else:
        assert other.status_code == 200  # nothing tells that ids are integers
    book = open_consents(worker.url, worker.log.vault)
    assert book.states(PORTFOLIO, ["1"], ["credit"], datetime.now(UTC)) == [{"credit": "withdrawn"}]
    book.close()


def test_an_earlier_release_tells_how_ids_are_written(worker: Worker) -> None:
    earlier = build_small(worker.releases, slope=1.2)
    folder = worker.releases / (worker.releases / PORTFOLIO / "current").read_text().strip()
    assert earlier != folder.name
    (folder / "features.json").write_bytes(b"{}")
    assert fields(worker.ask("PUT", path("01"), consent("withdrawn"))) == ["path.entity"]


def test_a_pointer_that_cannot_be_read_closes_no_consents(worker: Worker) -> None:
    pointer = worker.releases / PORTFOLIO / "current"
    pointer.unlink()
    pointer.mkdir()
    assert worker.ask("PUT", path(1), consent("withdrawn")).status_code == 200
    assert fields(worker.ask("PUT", path("01"), consent("withdrawn"))) == ["path.entity"]  # another of its releases


def spoiled(worker: Worker) -> tuple[Path, bytes]:
    """The file that tells of ids in the only release, damaged, and what it held."""
    folder = worker.releases / (worker.releases / PORTFOLIO / "current").read_text().strip()
    whole = (folder / "features.json").read_bytes()
    (folder / "features.json").write_bytes(b"{}")
    return folder / "features.json", whole


def test_many_who_ask_at_once_or_soon_after_share_one_look_at_the_releases(worker: Worker, looks: list[str]) -> None:
    spoiled(worker)

    async def ask() -> list[int]:
        async with worker.client() as client:
            puts = (client.put(path(entity), json=consent("granted")) for entity in range(8))
            told = await asyncio.gather(*puts)
            return [one.status_code for one in (*told, *[await client.get(path(entity)) for entity in range(8)])]

    assert asyncio.run(ask()) == [200] * 16
    assert looks == [PORTFOLIO]


def test_a_release_that_can_be_read_again_is_seen_soon(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, looks: list[str]
) -> None:
    monkeypatch.setattr(ids, "REMEMBERED_SECONDS", 0.3)
    file, whole = spoiled(worker)

    async def run() -> None:
        types = IdTypes(worker.releases)
        assert await types.of(PORTFOLIO) is None
        file.write_bytes(whole)
        began = time.monotonic()
        while await types.of(PORTFOLIO) is None:
            await asyncio.sleep(0.01)
            assert time.monotonic() - began < 5
        assert await types.of("other") is None
        assert looks == [PORTFOLIO, PORTFOLIO, "other"]

    asyncio.run(run())


def test_who_gives_up_waiting_leaves_the_look_to_others_and_a_failed_one_is_not_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, asked = threading.Event(), list[str]()

    def look(_: Path, portfolio: str) -> ids.IdType:
        asked.append(portfolio)
        gate.wait(10)
        if len(asked) == 2:
            raise MemoryError
        return "int"

    monkeypatch.setattr(ids, "id_type", look)

    async def run() -> None:
        types = IdTypes(Path("nowhere"))
        first, second = (asyncio.ensure_future(types.of(PORTFOLIO)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        gate.set()
        assert await second == "int"
        with pytest.raises(MemoryError):
            await types.of("loans")
        assert await types.of("loans") == "int"
        assert asked == [PORTFOLIO, "loans", "loans"]

    asyncio.run(run())
