"""A commit in two steps: written at once on the event loop, synced by a thread. Until then nothing is in the log."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.log.batcher import SHORT, Batcher
from serving.log.database import LogUnavailable
from serving.log.decision_log import DecisionLog, open_log
from serving.log.entry import encode
from tests.serving.log.examples import make_record
from tests.serving.log.keyring import KEYS


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DecisionLog]:
    """A log on SQLite that has its keys at hand."""
    opened = open_log(f"sqlite:///{tmp_path / 'log.db'}", KEYS)
    opened.append(make_record())
    yield opened
    opened.close()


def test_what_is_staged_is_in_the_log_when_it_is_committed(log: DecisionLog) -> None:
    record = make_record(1)
    staged = log.stage([encode(record)])
    assert staged is not None
    assert staged.result[0].ours  # type: ignore[union-attr]
    assert log.find(record.decision_id) is None
    thread = threading.Thread(target=staged.commit)
    thread.start()
    thread.join()
    assert log.find(record.decision_id) == record
    assert log.verify().valid


def test_nothing_is_staged_while_another_process_writes(log: DecisionLog, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert log.stage([encode(make_record(1))]) is None
    other.execute("ROLLBACK")
    assert log.append(make_record(2)).ours
    assert log.head().records == 2
    other.close()


def test_nothing_is_staged_while_a_thread_writes(log: DecisionLog) -> None:
    staged = log.stage([encode(make_record(1))])
    assert staged is not None
    assert log.stage([encode(make_record(2))]) is None
    staged.commit()
    assert log.head().records == 2


def test_nothing_is_staged_before_the_keys_are_there(tmp_path: Path) -> None:
    log = open_log(f"sqlite:///{tmp_path / 'log.db'}", KEYS)
    assert log.stage([encode(make_record())]) is None
    log.close()


def test_a_stage_that_fails_is_undone_and_holds_nobody_up(log: DecisionLog) -> None:
    writer = log._database._writer  # type: ignore[attr-defined]
    writer.execute(f"PRAGMA max_page_count={writer.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(LogUnavailable, match="database or disk is full"):
        log.stage([encode(make_record(second)) for second in range(SHORT)])
    writer.execute("PRAGMA max_page_count=1000000")
    assert log.append(make_record(99)).ours
    assert log.head().records == 2
    assert log.verify().valid


def test_a_writer_waits_for_another_process(log: DecisionLog, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.1, other.execute, ["ROLLBACK"])
    timer.start()
    assert log.append(make_record(1)).ours
    timer.join()
    other.close()


def test_an_impatient_writer_says_that_the_file_is_locked(
    log: DecisionLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.log.sqlite.PATIENCE", 0.05)
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match="database is locked"):
        log.append(make_record(1))
    other.close()


def test_few_records_are_written_on_the_loop_and_many_in_the_thread(
    log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_thread: list[int] = []
    commit = log.commit
    monkeypatch.setattr(log, "commit", lambda entries: (by_thread.append(len(entries)), commit(entries))[1])

    async def work() -> None:
        async with Batcher(log) as batcher:
            assert (await batcher.append(make_record(1))).ours
            assert (
                len(await batcher.append_all([make_record(second) for second in range(2, 2 + SHORT + 1)])) == SHORT + 1
            )

    asyncio.run(work())
    assert by_thread == [SHORT + 1]
    assert log.verify().valid
    assert log.head().records == 2 + SHORT + 1


def test_what_cannot_be_handed_over_is_undone_and_lets_go_of_the_file(log: DecisionLog, tmp_path: Path) -> None:
    async def append() -> None:
        batcher = Batcher(log)
        batcher._thread.shutdown()  # as when the worker ends at this moment
        with pytest.raises(RuntimeError, match="after shutdown"):
            await batcher.append(make_record(1))

    asyncio.run(append())
    with sqlite3.connect(tmp_path / "log.db", timeout=0, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    other.close()
    assert log.head().records == 1
    assert log.append(make_record(2)).ours
