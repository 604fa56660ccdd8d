"""Two replays at a time, told one after the other; the processes are small scripts that tell as a real replay does."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.side_by_side import ReplayFailed, SideBySide
from flows.terminal import console
from infra.processes import start_time

TELLS = """
import sys
from flows.replaying import Telling
from flows.terminal import console
telling = Telling(sys.stdout)
console.file = telling
telling.started("2009-05 requests")
telling.noted("50 answered")
print("a library's warning")
"""
WAITS = "\nimport time\ntime.sleep(60)"


def replay(*lines: str) -> tuple[str, ...]:
    return (sys.executable, "-c", "\n".join((TELLS, *lines)))


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[SideBySide]]:
    kept: list[SideBySide] = []
    yield kept
    for each in kept:
        each.stop()


def start(kept: list[SideBySide], logs: Path, **commands: tuple[str, ...]) -> SideBySide:
    replays = SideBySide(commands, logs)
    kept.append(replays)
    replays.start()
    return replays


def test_what_the_second_says_is_shown_whole_after_the_first(started: list[SideBySide], tmp_path: Path) -> None:
    # The first says its line only once the second has ended.
    gate = tmp_path / "second-ended"
    first = replay(
        "import pathlib, time",
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)",
        'console.print("one 0.865")',
        'telling.say("end", ["one", "3"])',
    )
    second = replay(
        'console.print("two 0.645")', 'telling.say("end", ["two", "2"])', f"open({str(gate)!r}, 'w').close()"
    )
    replays = start(started, tmp_path / "logs", one=first, two=second)
    with console.capture() as caught:
        ends = replays.show()
    assert ends == [("one", "3"), ("two", "2")]
    assert caught.get().splitlines() == ["one 0.865", "two 0.645"]
    assert "a library's warning" in (tmp_path / "logs" / "demo-one.log").read_text()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (('telling.say("fault", "no space left"); sys.exit(1)',), "two: no space left"),
        (
            ('raise OSError("the disk is gone")',),
            "two 2009-05 requests: 50 answered: the replay ended there with code 1 and said: OSError: the disk is",
        ),
    ],
)
def test_a_replay_that_fails_is_told_and_ends_the_other(
    started: list[SideBySide], tmp_path: Path, lines: tuple[str, ...], told: str
) -> None:
    replays = start(started, tmp_path, one=replay(WAITS), two=replay(*lines))
    with pytest.raises(ReplayFailed, match=told):
        replays.show()
    assert start_time(replays.pids[0]) is not None
    replays.stop()
    assert [start_time(pid) for pid in replays.pids] == [None, None]


def test_replays_end_at_once_with_the_process_that_started_them(tmp_path: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from flows.side_by_side import SideBySide
command = {replay("import signal", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", WAITS)!r}
replays = SideBySide({{"one": command}}, Path({str(tmp_path)!r}))
replays.start()
while "50 answered" not in Path({str(tmp_path / "demo-one.log")!r}).read_text():
    time.sleep(0.02)
print(*replays.pids, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    until = time.monotonic() + 10
    while start_time(pid) is not None and time.monotonic() < until:
        time.sleep(0.02)
    assert start_time(pid) is None
