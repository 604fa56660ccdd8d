import os
import signal
import subprocess
import sys
from contextvars import Context
from pathlib import Path

import pytest

from flows.locking import LocksUnavailable, PortfolioBusy, exclusive, open_locks
from infra.processes import free_port
from infra.settings import Settings

HOLDER = """
import sys, time
from pathlib import Path
from flows.locking import exclusive
from infra.settings import Settings
with exclusive(Settings(home=Path(sys.argv[1]), mlflow_uri=sys.argv[2], _env_file=None), "cards"):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def held_elsewhere(home: Path, url: str, seconds: float = 60) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HOLDER, str(home), url, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.integration)])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else ""


def test_another_process_is_named_and_its_lock_goes_with_it(tmp_path: Path, url: str) -> None:
    settings = Settings(home=tmp_path, mlflow_uri=url, _env_file=None)
    assert open_locks(settings).holder("cards") is None
    with held_elsewhere(tmp_path, url) as other:
        assert f"{other.pid}" in (open_locks(settings).holder("cards") or "")
        with pytest.raises(PortfolioBusy, match=f"{other.pid}.* works on cards"), exclusive(settings, "cards"):
            pass
        with exclusive(settings, "deposits"):
            os.kill(other.pid, signal.SIGKILL)
    with exclusive(settings, "cards", wait=5):
        pass
    assert open_locks(settings).holder("cards") is None


def test_who_waits_gets_it_when_the_other_ends(tmp_path: Path, url: str) -> None:
    settings = Settings(home=tmp_path, mlflow_uri=url, _env_file=None)
    with held_elsewhere(tmp_path, url, 0.5) as other, exclusive(settings, "cards", wait=30):
        # It prints, sleeps and ends: with the lock here, the other one has left its block.
        assert other.wait(10) == 0


def test_a_run_does_not_wait_for_itself(tmp_path: Path, url: str) -> None:
    settings = Settings(home=tmp_path, mlflow_uri=url, _env_file=None)
    with exclusive(settings, "cards"):
        with exclusive(settings, "cards"):
            pass
        # The inner one has not let go of it.
        assert not Context().run(is_free, settings)
    assert Context().run(is_free, settings)


@pytest.mark.parametrize("setting", ["mlflow_uri", "decision_log"])
def test_a_postgres_that_is_away_is_named_by_its_setting(tmp_path: Path, setting: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    settings = Settings(home=tmp_path, _env_file=None, **{setting: f"postgresql://lender:hush@{address}/lender"})
    told = f"LENDLOOP_{setting.upper()}: Postgres at .*{address}.* does not answer: .*refused.*start the server"
    with pytest.raises(LocksUnavailable, match=told) as error, exclusive(settings, "cards"):
        pass
    assert "hush" not in str(error.value)


def is_free(settings: Settings) -> bool:
    """Whether somebody else, who holds nothing yet, could have the portfolio."""
    try:
        with exclusive(settings, "cards"):
            return True
    except PortfolioBusy:
        return False
