import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.processes import is_running, start_time
from serving.workers import SHORTEST_LIFE, Crew, Member, fork


def sleep() -> None:
    time.sleep(60)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew(lambda: None)
    yield crew
    crew.stop()


def test_one_that_is_killed_is_started_again_alone(crew: Crew) -> None:
    crew.add("worker", sleep)
    crew.add("worker", sleep)
    first, second = sorted(crew.pids("worker"))
    os.kill(first, signal.SIGKILL)
    until(lambda: start_time(first) is None)
    crew.tend()
    assert second in crew.pids("worker")
    assert first not in crew.pids("worker")
    assert len(crew.pids("worker")) == 2
    assert crew.failing(["worker"]) is None  # once is no fault of its own


def test_one_that_cannot_start_is_told_and_waited_for_longer_and_longer(crew: Crew) -> None:
    crew.add("worker", lambda: sys.exit(3))
    crew.add("follower", sleep)
    until(lambda: crew.tend() or crew.failing(["worker"]) is not None)  # type: ignore[func-returns-value]
    assert crew.failing(["worker"]) == "a worker ended 2 times as it started"
    assert crew.failing(["follower"]) is None
    crew.tend()
    assert crew.pids("worker") == set()


def test_one_that_is_killed_again_and_again_waits_for_seconds_and_no_longer() -> None:
    member, now, waits = Member("worker", sleep), 1000.0, []
    for _ in range(6):
        member.started = now
        member.after(now + SHORTEST_LIFE - 1)
        waits.append(member.due - (now + SHORTEST_LIFE - 1))
    assert waits == [0.0, 1.0, 2.0, 4.0, 4.0, 4.0]
    member.after(now + SHORTEST_LIFE)
    assert member.due == now + SHORTEST_LIFE  # it ran: at once


def test_a_child_keeps_nothing_that_is_the_parents_alone_and_its_exit_code_is_told(tmp_path: Path) -> None:
    kept = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)

    def is_closed() -> None:
        try:
            os.fstat(kept)
        except OSError:
            sys.exit(7)

    _, status = os.waitpid(fork(is_closed, lambda: os.close(kept)), 0)
    assert os.waitstatus_to_exitcode(status) == 7
    os.close(kept)


def test_a_stop_lets_each_finish_and_leaves_none(tmp_path: Path) -> None:
    done = tmp_path / "done"

    def finish() -> None:
        signal.signal(signal.SIGTERM, lambda *_: (done.touch(), sys.exit(0)))
        (tmp_path / "up").touch()
        sleep()

    crew = Crew(lambda: None)
    crew.add("worker", finish)
    (pid,) = crew.pids("worker")
    started = start_time(pid)
    assert started is not None
    until((tmp_path / "up").exists)
    crew.stop()
    assert done.exists()
    assert not is_running(pid, started)


def test_one_that_is_told_to_end_as_soon_as_it_is_there_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(*_: object) -> None: ...

    def forked() -> int:
        # The child is told before its first step, as the parent's handlers are still its own.
        if pid := os_fork():
            return pid
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    os_fork = os.fork
    monkeypatch.setattr(os, "fork", forked)
    before = signal.signal(signal.SIGTERM, told)
    try:
        pid = fork(sleep, lambda: None)
        until(lambda: start_time(pid) is None)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
    finally:
        signal.signal(signal.SIGTERM, before)
