"""What runs under a Prefect server: schedules, a run of a worker's, a second try after a fault."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration
PROJECT = Path(__file__).resolve().parents[2]
PREFECT = (sys.executable, "-m", "prefect")


def run(*command: str, folder: Path = PROJECT, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in `folder` with none of this process's settings: Prefect reads its own once in each process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LENDLOOP_", "PREFECT_"))}
    return subprocess.run(
        command, cwd=folder, env=inherited | variables, capture_output=True, text=True, timeout=200, check=False
    )


def lendloop(*words: str, **place: Any) -> "subprocess.CompletedProcess[str]":
    """Run `lendloop` with these words."""
    return run(sys.executable, "-c", "from flows.cli.main import main; main()", *words, COLUMNS="200", **place)


# Two commands, in one process: what differs is what the server knows by the second.
TWICE = """
from flows.cli.main import main
for _ in range(2):
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Path:
    """A folder from which a person has scheduled one portfolio, twice, with every setting left as it is."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "portfolios").symlink_to(PROJECT / "portfolios")
    words = ("schedule", "--portfolio", "taiwan_cards", "--api", prefect_url)
    done = run(sys.executable, "-c", TWICE, *words, folder=folder, LENDLOOP_LOG_KEY="5e" * 32, COLUMNS="200")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert done.stdout.count("worker start --pool lendloop") == 2
    assert done.stdout.count("LENDLOOP_LOG_KEY") == 2
    return folder


@pytest.fixture(scope="module")
def deployments(checkout: Path, prefect_url: str) -> dict[str, Any]:
    """The deployments that are registered, by entry point."""
    found = post(prefect_url, "deployments/filter", {})
    return {one["entrypoint"]: one for one in found if one["name"] == "taiwan_cards"}


def test_a_month_monthly_and_monitoring_daily_one_run_at_a_time(deployments: dict[str, Any]) -> None:
    daily = [f"flows.{name}.{name}_flow" for name in ("ingest", "materialize", "monitor")]
    assert set(deployments) == {"flows.month.month_flow", *daily}
    crons = {name: one["schedules"][0]["schedule"] for name, one in deployments.items()}
    assert crons["flows.month.month_flow"]["cron"].endswith("1 * *")
    hours = [int(crons[name]["cron"].removesuffix(" * * *").split()[1]) for name in daily]
    assert hours == sorted(set(hours))
    assert all(cron["timezone"] == "UTC" for cron in crons.values())
    assert all(one["parameters"] == {"portfolio": "taiwan_cards"} for one in deployments.values())
    assert all(one["concurrency_options"]["collision_strategy"] == "CANCEL_NEW" for one in deployments.values())
    assert "5e5e" not in str(deployments)


def test_a_worker_that_is_told_nothing_runs_one_where_it_was_scheduled(
    checkout: Path, deployments: dict[str, Any], prefect_url: str, tmp_path: Path
) -> None:
    wanted = {"parameters": {"portfolio": "taiwan_cards", "as_of": "2005-05-31"}, "state": {"type": "SCHEDULED"}}
    made = post(prefect_url, f"deployments/{deployments['flows.ingest.ingest_flow']['id']}/create_flow_run", wanted)
    for name in ("user", "tmp", "cwd"):
        (tmp_path / name).mkdir()
    settings = {
        "HOME": str(tmp_path / "user"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PREFECT_API_URL": prefect_url,
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "pickle",
    }
    worker = run(*PREFECT, "worker", "start", "--pool", "lendloop", "--run-once", folder=tmp_path / "cwd", **settings)
    ended = httpx.get(f"{prefect_url}/flow_runs/{made['id']}").raise_for_status().json()
    assert ended["state"]["type"] == "COMPLETED", f"{ended['state']}\n{worker.stdout}{worker.stderr}"
    assert any((checkout / ".lendloop" / "lake" / "taiwan_cards").rglob("*.parquet"))
    # What Prefect says of itself, and nothing of ours, lies where the worker lives.
    assert not any((tmp_path / "cwd").iterdir())
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".parquet", ".db") or "storage" in path.parts] == []
    (kept,) = (checkout / ".lendloop/prefect/storage").iterdir()
    assert " kept + 0 quarantined" in json.loads(kept.read_text())["summary"]


TRIED = """
import errno, json, sys
from datetime import date
import flows.steps as steps
from training.registry import RegistryError

steps.RETRY_SECONDS[:] = [0.0, 0.0]
tries = {"away": 0, "full": 0}

def away(portfolio, as_of):
    tries["away"] += 1
    if tries["away"] == 1:
        raise RegistryError("MLflow does not answer") from ConnectionRefusedError("refused")
    return {"summary": "there"}

def full(portfolio, as_of):
    tries["full"] += 1
    raise OSError(errno.ENOSPC, "No space left on device")

summary = steps.as_task(away, "cards", date(2010, 11, 30))["summary"]
try:
    steps.as_task(full, "cards", date(2010, 11, 30))
except OSError as error:
    print(json.dumps([tries, summary, error.errno]))
"""


def test_a_task_is_tried_again_after_an_outage_and_not_on_a_full_disk(prefect_url: str, tmp_path: Path) -> None:
    settings = {"PREFECT_API_URL": prefect_url, "PREFECT_HOME": str(tmp_path), "LENDLOOP_HOME": str(tmp_path)}
    done = run(sys.executable, "-c", TRIED, **settings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"away": 2, "full": 1}, "there", errno.ENOSPC]


def test_without_a_server_it_says_what_to_do_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "portfolios").symlink_to(PROJECT / "portfolios")
    done = lendloop("schedule", folder=tmp_path)
    assert done.returncode == 1
    assert "prefect server start" in done.stderr
    away = lendloop("schedule", "--api", "http://127.0.0.1:9/api", folder=tmp_path)
    assert away.returncode == 1
    assert "--api: no Prefect server answers" in away.stderr
    assert "Traceback" not in away.stderr
    assert not (tmp_path / ".lendloop").exists()


def post(url: str, path: str, body: dict[str, Any]) -> Any:
    """What the Prefect server answers; it wants a token with every change."""
    token = httpx.get(f"{url}/csrf-token", params={"client": "tests"}).json()["token"]
    headers = {"Prefect-Csrf-Client": "tests", "Prefect-Csrf-Token": token}
    return httpx.post(f"{url}/{path}", json=body, headers=headers).raise_for_status().json()
