import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.partners.counts import SqliteCounts, open_counts
from serving.partners.partner import Partner, make_partner
from serving.partners.quotas import LARGEST_LEASE, PART, Heard, Quotas


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


@pytest.fixture
def worker(tmp_path: Path, threads: ThreadPoolExecutor):  # type: ignore[no-untyped-def]
    opened: list[SqliteCounts] = []

    def make(heard: Heard = lambda *told: None) -> Quotas:
        counts = open_counts(f"sqlite:///{tmp_path / 'quotas.db'}")
        assert isinstance(counts, SqliteCounts)
        opened.append(counts)
        return Quotas(counts, threads, heard)

    make.opened = opened  # type: ignore[attr-defined]
    yield make
    for counts in opened:
        counts.close()


def shop(quota: str) -> Partner:
    return make_partner("shop", "decide", "*", quota, 5)


def take(quotas: Quotas, partner: Partner, at: float, requests: int = 1) -> int | None:
    return asyncio.run(quotas.take(partner, at, requests))


def granted(workers: list[Quotas], partner: Partner, at: float, asks: int, requests: int = 1) -> int:
    async def ask() -> int:
        takes = [await workers[ask % len(workers)].take(partner, at, requests) for ask in range(asks)]
        return takes.count(None) * requests

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("quota", "least"), [("1/s", 1), ("5/s", 5), ("49/m", 49), ("1000/h", 1000), ("20000/d", 20000)]
)
def test_workers_together_never_give_more_than_the_quota(worker, quota: str, least: int) -> None:
    assert granted([worker() for _ in range(3)], shop(quota), 1_000_000.0, least + 500) == least


def test_what_idle_workers_hold_is_a_small_part(worker) -> None:
    workers = [worker() for _ in range(2)]
    assert take(workers[1], shop("1000/m"), 60.0) is None
    assert granted(workers[:1], shop("1000/m"), 60.0, 2000) == 1000 - min(1000 // PART, LARGEST_LEASE)


def test_many_at_once_are_counted_each(worker) -> None:
    workers = [worker() for _ in range(2)]
    assert granted(workers, shop("1000/h"), 60.0, 20, requests=300) == 900
    assert take(workers[0], shop("1000/h"), 60.0, 1000) is not None


def test_there_is_more_in_the_next_window(worker) -> None:
    quotas, partner = worker(), shop("1/m")
    waits = [take(quotas, partner, at) for at in (60.0, 61.5, 119.9, 120.0, 120.1)]
    assert waits == [None, 59, 1, None, 60]


def test_a_worker_that_starts_again_goes_on_counting(worker) -> None:
    assert take(worker(), shop("1/h"), 0.0) is None
    assert take(worker(), shop("1/h"), 1.0) == 3599


def test_without_counts_requests_are_let_through(worker, caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, str, int]] = []
    quotas = worker(lambda *one: told.append(one))
    worker.opened[0].close()
    assert granted([quotas], shop("1/h"), 0.0, 3) == 3
    assert "quotas not counted" in caplog.text
    assert told == [("uncounted", "shop", 1)] * 3


def test_what_is_refused_is_told_and_how_much_is_left(worker) -> None:
    told: list[tuple[str, str, int]] = []
    quotas, partner = worker(lambda *one: told.append(one)), shop("10/m")
    assert take(quotas, partner, 60.0, 4) is None
    assert quotas.left(61.0) == {"shop": 0.6}
    assert take(worker(), partner, 62.0, 3) is None
    assert (take(quotas, partner, 63.0, 5), told) == (57, [("refused", "shop", 5)])
    assert quotas.left(64.0) == {"shop": 0.3}
    assert quotas.left(120.0) == {"shop": 1.0}


def test_a_damaged_file_is_begun_anew(tmp_path: Path, worker) -> None:
    (tmp_path / "quotas.db").write_bytes(b"no database" * 1000)
    assert take(worker(), shop("1/h"), 0.0) is None
