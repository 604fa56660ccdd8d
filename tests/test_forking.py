import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forking import COMMAND, SOCKET, listening

PROJECT = Path(__file__).resolve().parent.parent
SERVER = "from tests import forking; forking.import_libraries = int; forking.serve()"
TOLD = (
    "import os, sys; print(sys.stdin.readline().strip(), os.getppid(), sys.argv[0]); print('a fault', file=sys.stderr)"
)


@pytest.fixture
def server() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that forks, without all the libraries."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv(SOCKET, str(Path(folder) / "socket"))
        with listening(os.environ[SOCKET]) as listener:
            process = subprocess.Popen([sys.executable, "-c", SERVER], cwd=PROJECT, stdin=listener)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def worker(code: str, said: str = "") -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, "-u", "-c", code]
    return subprocess.run(command, cwd=PROJECT, input=said, capture_output=True, text=True, timeout=60, check=False)


def test_a_worker_is_forked_and_has_the_streams_of_who_asked(server: "subprocess.Popen[bytes]") -> None:
    for said in ("one", "two"):
        done = worker(TOLD, f"{said}\n")
        assert done.stdout.split() == [said, str(server.pid), "-c"]
        assert done.stderr == "a fault\n"


def test_who_asked_waits_until_the_worker_has_ended(server: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    worker(f"import time, pathlib; time.sleep(0.5); pathlib.Path({str(tmp_path / 'ended')!r}).touch()")
    assert (tmp_path / "ended").exists()
