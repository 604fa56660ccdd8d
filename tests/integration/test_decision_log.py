"""The decision log under several processes, kill -9 and a server that goes away."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.log.batcher import Batcher
from serving.log.database import LogUnavailable
from serving.log.decision_log import DecisionLog, open_log
from tests.servers import PostgresServer
from tests.serving.log.examples import make_record
from tests.serving.log.keyring import KEYS

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
Start = Callable[[str, str, int], "subprocess.Popen[str]"]


@pytest.fixture(params=["sqlite", "postgres"])
def log_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_database"))
    return f"sqlite:///{tmp_path / 'log.db'}"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts writers, and ends those that a failing test leaves."""
    running = []

    def start(url: str, keys: str, count: int) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.serving.log.writer", url, keys, str(count)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        with process:  # closes its pipe and waits
            pass


def answers(lines: str) -> dict[str, str]:
    """Decision ids by idempotency key; a line that a kill cut short was not acknowledged."""
    return dict(line.split() for line in lines.splitlines(keepends=True) if line.endswith("\n"))


def assert_kept(log: DecisionLog, found: dict[str, str]) -> None:
    for key, name in found.items():
        record = log.find_key("shop", key)
        assert record is not None, key
        assert record.decision_id == name


def test_two_processes_share_one_chain(log_url, start):
    writers = [start(log_url, keys, 800) for keys in ("one", "two")]
    found = [answers(writer.communicate()[0]) for writer in writers]
    assert [len(one) for one in found] == [800, 800]
    log = open_log(log_url, KEYS)
    verification = log.verify()
    assert verification.valid, verification.broken
    assert verification.head.records == 1600
    assert_kept(log, found[0] | found[1])
    log.close()


def test_two_processes_that_race_for_every_key_give_the_same_answers(log_url, start):
    writers = [start(log_url, "same", 400) for _ in range(2)]
    one, other = (answers(writer.communicate()[0]) for writer in writers)
    assert len(one) == 400
    assert one == other
    log = open_log(log_url, KEYS)
    assert log.verify().valid
    assert log.head().records == 400
    log.close()


@pytest.mark.parametrize("lines", [1, 300])
def test_kill_9_loses_nothing_that_was_acknowledged(log_url, start, lines):
    killed, other = start(log_url, "killed", 100_000), start(log_url, "other", 500)
    assert killed.stdout is not None
    seen = "".join(killed.stdout.readline() for _ in range(lines))
    killed.kill()
    seen += killed.communicate()[0]
    others = answers(other.communicate()[0])
    assert other.returncode == 0
    assert len(others) == 500
    log = open_log(log_url, KEYS)
    assert log.append(make_record()).ours
    assert log.verify().valid
    assert_kept(log, answers(seen) | others)
    log.close()


def test_a_postgres_that_restarted_between_two_appends_is_not_noticed(postgres_server: PostgresServer):
    log = open_log(postgres_server.url, KEYS)
    log.append(make_record(0))
    postgres_server.stop()
    postgres_server.start()
    assert log.append(make_record(1)).ours
    assert log.verify().head.records == 2
    log.close()


def test_a_postgres_that_is_away_fails_appends_until_it_is_back(postgres_server: PostgresServer):
    log = open_log(postgres_server.url, KEYS)

    async def work() -> None:
        async with Batcher(log) as batcher:
            assert (await batcher.append(make_record(0))).ours
            postgres_server.stop()
            with pytest.raises(LogUnavailable, match="check that it runs"):
                await batcher.append(make_record(1))
            postgres_server.start()
            assert (await batcher.append(make_record(2))).ours

    asyncio.run(work())
    verification = log.verify()
    assert verification.valid
    assert verification.head.records == 2
    log.close()
