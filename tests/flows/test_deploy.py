"""What a deploy is told to run, and what it says when there is nothing to serve."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from flows.deploy import deploy, started_service
from flows.launching import PROJECT, launch_of
from flows.monitor import monitor
from flows.running import NothingDone, refuse_nothing
from infra.settings import Settings
from serving.bento import code_digest

DAY = date(2005, 8, 31)
GIVEN = {
    "PORTFOLIOS": str(PROJECT / "portfolios"),
    "PORT": "8099",
    "WORKERS": "3",
    "REPLAY": "true",
    "ONLINE_STORE": "redis://127.0.0.1:6390/0",
    "LOG_KEY": "5e" * 32,
    "VENDORS": '{"liveness": "https://vendor.example/check"}',
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {"HOME": str(tmp_path / "home"), **GIVEN}.items():
        monkeypatch.setenv(f"LENDLOOP_{name}", value)
    return tmp_path / "home"


def test_without_a_release_there_is_nothing_to_do_which_is_an_error_only_alone(home: Path) -> None:
    for part in (deploy, monitor):
        done = part("taiwan_cards", DAY)
        refuse_nothing("month", {"summary": "6 parts", part.__name__: done})
        with pytest.raises(NothingDone, match=r"no .* yet: .*`lendloop run month --portfolio taiwan_cards --as-of "):
            refuse_nothing(part.__name__, done)
    assert {"bentos", "service", "reports"}.isdisjoint(path.name for path in home.iterdir())


def test_deploys_of_two_portfolios_start_the_service_one_after_the_other(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, most = [0], [0]

    def slow(launch: object) -> object:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.3)
        inside[0] -= 1
        return launch

    monkeypatch.setattr("flows.deploy.launch_of", lambda settings: settings)
    monkeypatch.setattr("flows.deploy.start", slow)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(started_service, [Settings()] * 3))
    assert most == [1]


def test_a_launch_has_every_setting_and_the_bento_of_this_code(home: Path) -> None:
    built = home / "bentos" / code_digest(PROJECT)
    built.mkdir(parents=True)
    (built / "bento.yaml").write_text("")  # built before
    launch = launch_of(Settings())
    assert (launch.bento, launch.home, launch.port, launch.workers, launch.replay) == (built, home, 8099, 3, True)
    assert set(launch.portfolios) == {"bank_deposits", "simulated_lender", "taiwan_cards"}
    assert launch.online_store == GIVEN["ONLINE_STORE"]
    variables = launch.environment()
    assert {f"LENDLOOP_{name}": variables[f"LENDLOOP_{name}"].replace("True", "true") for name in GIVEN} == {
        f"LENDLOOP_{name}": value for name, value in GIVEN.items()
    }
    assert GIVEN["LOG_KEY"] not in repr(launch)
