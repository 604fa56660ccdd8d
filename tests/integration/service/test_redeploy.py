"""What clients see while the service is replaced or loses a process: answers, from one process or another."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from infra.processes import is_running, start_time
from serving.deployment import start, status
from serving.launch import Launch, ServiceError
from serving.supervisor import TAKE_OVER
from tests.serving.deployed import Deployed, Load, until

pytestmark = pytest.mark.integration
ANSWERED = 'lendloop_requests_total{method="POST",route="/v1/portfolios/{portfolio}/decisions",status="200"}'


def changed_code(launch: Launch, name: str, path: str, old: str, new: str) -> Launch:
    """The same launch of other code."""
    bento = launch.bento.parent / name
    shutil.copytree(launch.bento, bento)
    file = bento / "src" / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return launch.model_copy(update={"bento": bento})


def version(launch: Launch) -> str:
    return str(httpx.get(launch.url + "/openapi.json").json()["info"]["version"])


def parent(pid: int) -> int:
    """The process that started this one; 0: it is gone."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


@contextmanager
def next_supervisor(launch: Launch) -> Iterator["subprocess.Popen[bytes]"]:
    """A supervisor as `start` makes it, that nobody waits for."""
    command = [sys.executable, "-m", "serving.supervisor", "2", TAKE_OVER]
    with subprocess.Popen(
        command, cwd=launch.bento / "src", env=launch.environment(), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        process.stdin.write(launch.model_dump_json().encode())
        process.stdin.close()
        yield process


def test_a_redeploy_of_other_code_loses_no_request(deployed: Deployed) -> None:
    other = changed_code(deployed.launch, "second", "serving/api/app.py", 'version="1"', 'version="2"')
    before, workers = deployed.started.note, deployed.workers()
    with Load(deployed, begins=lambda: deployed.workers() != workers) as load:
        deployed.started = start(other)
        # Not one of the old workers answers any more.
        assert {version(other) for _ in range(20)} == {"2"}
        until(lambda: len(load.answers) > 100)
    assert load.failures == []
    assert deployed.counted(ANSWERED) >= len(load.answers)  # by the old workers and by the new ones
    assert not deployed.started.reused
    assert not before.alive()
    assert status(other.home) == deployed.started.note
    deployed.launch = other


def test_code_that_cannot_start_leaves_the_running_service_alone(deployed: Deployed) -> None:
    old, new = "_clerks[:] = [", "raise SystemExit('fault'); _clerks[:] = ["
    other = changed_code(deployed.launch, "failing", "serving/service.py", old, new)
    with Load(deployed) as load, pytest.raises(ServiceError, match=r"a worker ended 2 times.*goes on answering"):
        start(other)
    assert load.failures == []
    assert status(deployed.launch.home) == deployed.started.note


def test_only_one_can_take_the_place_and_when_it_is_killed_nothing_changes(deployed: Deployed) -> None:
    workers = deployed.workers()
    with (
        Load(deployed, begins=lambda: deployed.workers() != workers) as load,
        next_supervisor(deployed.launch) as following,
    ):
        until(lambda: any(parent(pid) == following.pid for pid in deployed.workers()))
        os.kill(following.pid, signal.SIGSTOP)
        try:
            with pytest.raises(ServiceError, match="another deploy is replacing"):
                start(deployed.launch.model_copy(update={"workers": 1}))
        finally:
            following.kill()
        following.wait()
        until(lambda: deployed.workers() == workers)
    assert load.failures == []
    assert status(deployed.launch.home) == deployed.started.note


def test_a_supervisor_that_is_killed_while_it_is_replaced_is_replaced(deployed: Deployed) -> None:
    workers = deployed.workers()
    with (
        Load(deployed, begins=lambda: deployed.workers() != workers) as load,
        next_supervisor(deployed.launch) as following,
    ):
        until(lambda: any(parent(pid) == following.pid for pid in deployed.workers()))
        os.kill(deployed.started.note.pid, signal.SIGKILL)
        until(lambda: (note := status(deployed.launch.home)) is not None and note.pid == following.pid)
        until(lambda: set(deployed.workers()).isdisjoint(workers))
        following.returncode = 0  # it stays
    assert load.failures == []
    deployed.started = start(deployed.launch)
    assert deployed.started.reused


def test_a_worker_that_is_killed_is_replaced_alone_and_no_later_request_fails(deployed: Deployed) -> None:
    first, second = deployed.workers()
    known = start_time(second)
    with Load(deployed) as load:
        until(lambda: len(load.answers) > 50)
        os.kill(first, signal.SIGKILL)
        until(lambda: len(deployed.workers()) == 2 and first not in deployed.workers())
        failed = len(load.failures)
        answered = len(load.answers)
        until(lambda: len(load.answers) > answered + 200)
    assert len(load.failures) == failed <= len(load.clients)  # what the killed one had in hand
    assert second in deployed.workers()
    assert is_running(second, known or 0)
