"""The default mode, with a Prefect server of its own, on a disk without room for it; the same command works later."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli.faults import explain
from flows.prefect_server import NoPrefect, refuse_silence, wait_until_healthy
from infra.processes import ChildFailed, start_child

PORTFOLIOS = Path(__file__).resolve().parents[2] / "portfolios"
LENDLOOP = (sys.executable, "-c", "from flows.cli.main import main; main()")
INGEST = ("run", "ingest", "--portfolio", "taiwan_cards", "--as-of", "2005-04-30")
TWICE = '{shrink} && "$@"; echo "code $?"; find "$0" -type f; echo ----; {grow} && "$@"; echo "code $?"'
TMPFS = (("unshare", "-rm"), 'mount -t tmpfs -o size=700k small "$0"', 'mount -o remount,size=300m "$0"')
LIMIT = ((), "ulimit -S -f 64", "ulimit -S -f unlimited")


def may_mount() -> bool:
    try:
        return subprocess.run(("unshare", "-rm", "true"), capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.integration
def test_a_run_without_room_says_so_and_works_when_there_is_some(tmp_path: Path) -> None:
    inside, shrink, grow = TMPFS if may_mount() else LIMIT
    script = TWICE.format(shrink=shrink, grow=grow)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LENDLOOP_", "PREFECT_"))}
    settings = {"LENDLOOP_HOME": str(tmp_path / "home"), "LENDLOOP_PORTFOLIOS": str(PORTFOLIOS)}
    done = subprocess.run(
        [*inside, "sh", "-c", script, str(tmp_path), *LENDLOOP, *INGEST],
        env=inherited | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    first, again = done.stdout.split("----\n")
    assert "Traceback" not in done.stdout
    told, left = first.split("code 1\n")
    assert 'File "' not in told
    assert ".parquet" not in left
    if inside:
        assert "no space left on the disk ([Errno 28] found 0.7 MiB free" in told
        assert [Path(line).name for line in left.splitlines()] == ["taiwan_cards.lock"]
    assert "ingest taiwan_cards 2005-04-30: done" in again
    assert again.endswith("code 0\n")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("sqlite3.OperationalError: database or disk is full", "no space left on the disk"),
        ("Application startup failed", "the local Prefect server ended with code 1; it said: Application startup"),
    ],
)
def test_a_server_that_ends_is_told_by_its_reason(tmp_path: Path, said: str, told: str) -> None:
    child = start_child([sys.executable, "-c", f"raise SystemExit({said!r})"], log=tmp_path / "prefect.log")
    with pytest.raises((OSError, ChildFailed)) as error:
        wait_until_healthy(child, "http://127.0.0.1:9/api", tmp_path)
    assert explain(error.value).startswith(told)


def test_a_server_that_does_not_answer_is_told_at_once() -> None:
    with pytest.raises(NoPrefect, match="LENDLOOP_PREFECT_API: no Prefect server answers at rubbish"):
        refuse_silence("rubbish", "LENDLOOP_PREFECT_API")
