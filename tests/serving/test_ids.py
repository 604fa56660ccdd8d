"""People's consents do not hang on a release that can be loaded: how ids are written is told without."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from serving.consents import open_consents
from tests.serving.api.worker import DECISIONS, PORTFOLIO, Worker, fields, problem
from tests.serving.small_releases import build_small
from tests.serving.test_consents import consent, path


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
