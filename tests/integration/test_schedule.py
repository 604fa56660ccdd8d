import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.integration
PROJECT = Path(__file__).resolve().parents[2]


def lendloop(*words: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run `lendloop` with these words: Prefect reads its settings once in each process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LENDLOOP_", "PREFECT_"))}
    return subprocess.run(
        [sys.executable, "-c", "from flows.cli.main import main; main()", *words],
        cwd=PROJECT,
        env={**environment, "LENDLOOP_HOME": str(home), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_month_monthly_and_monitoring_daily_one_run_at_a_time(prefect_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = lendloop("schedule", "--portfolio", "taiwan_cards", "--api", prefect_url, home=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    answer = httpx.post(f"{prefect_url}/deployments/filter", json={}, headers=csrf(prefect_url))
    found = answer.raise_for_status().json()
    ours = {one["entrypoint"]: one for one in found if one["name"] == "taiwan_cards"}
    daily = [f"flows.{name}.{name}_flow" for name in ("ingest", "materialize", "monitor")]
    assert set(ours) == {"flows.month.month_flow", *daily}
    crons = {name: one["schedules"][0]["schedule"] for name, one in ours.items()}
    assert crons["flows.month.month_flow"]["cron"].endswith("1 * *")
    hours = [int(crons[name]["cron"].removesuffix(" * * *").split()[1]) for name in daily]
    assert hours == sorted(set(hours))
    assert all(cron["timezone"] == "UTC" for cron in crons.values())
    assert all(one["parameters"] == {"portfolio": "taiwan_cards"} for one in ours.values())
    assert all(one["concurrency_options"]["collision_strategy"] == "CANCEL_NEW" for one in ours.values())


def test_without_a_server_it_says_what_to_do(tmp_path: Path) -> None:
    done = lendloop("schedule", home=tmp_path)
    assert done.returncode == 1
    assert "prefect server start" in done.stderr
    away = lendloop("schedule", "--api", "http://127.0.0.1:9/api", home=tmp_path)
    assert away.returncode == 1
    assert "does not answer" in away.stderr
    assert "Traceback" not in away.stderr


def csrf(url: str) -> dict[str, str]:
    """The headers a server with CSRF protection wants."""
    token = httpx.get(f"{url}/csrf-token", params={"client": "tests"}).json()["token"]
    return {"Prefect-Csrf-Client": "tests", "Prefect-Csrf-Token": token}
