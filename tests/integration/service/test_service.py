"""The decision service as it is deployed: a Bento, moved elsewhere, two workers, a registry, Redis and a log."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from infra.processes import is_running, start_time
from serving.deployment import check, start, status, stop, switch
from serving.launch import ServiceError
from serving.log.decision_log import open_log
from serving.pointers import read_workers
from tests.serving.deployed import DECISIONS, RISKY, SAFE, Deployed, Load, until
from tests.serving.small_releases import PORTFOLIO

pytestmark = pytest.mark.integration


def test_it_answers_logs_and_passes_its_smoke_test(deployed: Deployed) -> None:
    answer = deployed.ask(amount=100).json()
    assert (answer["outcome"], answer["release"]) == ("approve", deployed.shas[0])
    assert deployed.ask(RISKY).json()["outcome"] in ("review", "decline")
    assert deployed.ask(77).json()["outcome"] == "review"
    checked = check(deployed.launch, PORTFOLIO, {"entity_id": SAFE}, key="smoke")
    assert check(deployed.launch, PORTFOLIO, {"entity_id": SAFE}, key="smoke") == checked
    log = open_log(deployed.launch.decision_log, deployed.launch.log_keys())
    assert log.find(answer["decision_id"]) is not None
    assert log.verify().valid
    log.close()


def test_the_contract_answers_in_the_place_of_bentoml(deployed: Deployed) -> None:
    base = deployed.launch.url
    for path in ("/", "/docs.json", "/static_content/x", "/schema.json"):
        response = httpx.get(base + path)
        assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert httpx.get(base + "/livez").json() == {"status": "alive"}
    assert httpx.get(base + "/readyz").json()["status"] == "ready"
    counted = httpx.get(base + "/metrics").text
    assert 'lendloop_requests_total{method="GET",route="/readyz",status="200"}' in counted
    assert f'release="{deployed.shas[0][:12]}"' in counted
    assert all(f'lendloop_step_seconds_count{{step="{step}"}}' in counted for step in ("features", "decide", "log"))
    refused = deployed.ask(amount=-1)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "amount")
    headers = {"content-type": "application/json"}
    large = b" " * 100_000
    assert httpx.post(base + DECISIONS, content=large, headers=deployed.headers | headers).status_code == 413
    assert httpx.post(base + DECISIONS, content=large, headers=headers).status_code == 401


def test_the_bento_runs_its_own_code_and_not_a_checkout(deployed: Deployed) -> None:
    ours = "('infra', 'features', 'training', 'serving')"
    program = f"import importlib.util as u\nfor name in {ours}: print(u.find_spec(name).origin)"
    source = deployed.launch.bento / "src"
    run = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=True)
    assert [Path(line).is_relative_to(source) for line in run.stdout.split()] == [True] * 4
    assert {Path(f"/proc/{pid}/cwd").resolve() for pid in deployed.workers()} == {source}


def test_promotion_and_rollback_under_load_lose_no_request(deployed: Deployed) -> None:
    first, second = deployed.shas
    with Load(deployed) as load:
        until(lambda: len(load.answers) > 20)
        deployed.registry.promote(PORTFOLIO, second)
        assert switch(deployed.launch, PORTFOLIO).sha == second
        assert deployed.ask().json()["release"] == second
        deployed.registry.rollback(PORTFOLIO)
        # Nobody calls `switch` now: the supervisor sees the registry for itself.
        until(lambda: deployed.ask().json()["release"] == first)
        answered = len(load.answers)
        until(lambda: len(load.answers) > answered + 20)
    assert load.failures == []
    assert {release for _, release in load.answers} == {first, second}


def test_a_release_that_is_tampered_with_is_refused_and_the_last_good_one_stays(deployed: Deployed) -> None:
    first, second = deployed.shas
    folder = deployed.launch.releases / second
    switch(deployed.launch, PORTFOLIO)

    stores = list(deployed.launch.mlflow_artifacts.rglob("policy.json"))
    whole = {path: path.read_bytes() for path in stores}
    shutil.rmtree(folder)
    try:
        for path in stores:
            path.write_bytes(whole[path] + b" ")
        deployed.registry.promote(PORTFOLIO, second)
        until(lambda: httpx.get(deployed.launch.url + "/readyz").json()["status"] == "degraded")
        releases = httpx.get(deployed.launch.url + "/v1/releases", headers=deployed.headers).json()["releases"]
        assert "digest" in releases[0]["fault"]
        assert deployed.ask().json()["release"] == first
    finally:
        for path, content in whole.items():
            path.write_bytes(content)
        deployed.registry.rollback(PORTFOLIO)

    until(lambda: httpx.get(deployed.launch.url + "/readyz").json()["status"] == "ready")


def test_without_redis_nobody_is_approved_and_it_recovers(deployed: Deployed) -> None:
    deployed.redis.stop()
    began = time.perf_counter()
    answer = deployed.ask().json()
    assert (answer["outcome"], answer["stale"]) == ("review", True)
    assert time.perf_counter() - began < deployed.launch.feature_seconds + 2  # Feast's own client would take 7 or more
    deployed.redis.start()
    until(lambda: deployed.ask().json()["outcome"] == "approve")


def test_a_worker_that_is_killed_is_replaced_while_the_other_answers(deployed: Deployed) -> None:
    before = deployed.workers()
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    until(deployed.answers)
    until(lambda: len(deployed.workers()) == 2 and before[0] not in deployed.workers())
    assert deployed.answers()


def test_a_champion_whose_folder_is_damaged_is_fetched_anew_once_no_worker_can_load_it(deployed: Deployed) -> None:
    sha = deployed.ask().json()["release"]
    policy = deployed.launch.releases / sha / "policy.json"
    whole = policy.read_bytes()
    policy.write_bytes(whole + b" ")
    before = deployed.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(deployed.workers()) == 2 and set(before).isdisjoint(deployed.workers()))
    until(lambda: {served.get(PORTFOLIO) for served in read_workers(deployed.launch.releases).values()} == {sha}, 30)
    assert policy.read_bytes() == whole
    assert deployed.ask().json()["release"] == sha


def test_a_second_start_keeps_the_running_service(deployed: Deployed) -> None:
    again = start(deployed.launch)
    assert again.reused
    assert again.note == deployed.started.note
    with pytest.raises(ServiceError, match="cannot listen"):
        start(deployed.launch.model_copy(update={"home": deployed.launch.home.parent / "other"}))


def test_a_stop_answers_what_was_begun_and_a_release_rolled_back_meanwhile_answers_nobody(
    deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def burst() -> list[httpx.Response | BaseException]:
        url, headers = deployed.launch.url, deployed.headers
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
            asks = [asyncio.create_task(client.post(DECISIONS, json={"entity_id": SAFE})) for _ in range(40)]
            await asyncio.wait(asks, return_when=asyncio.FIRST_COMPLETED)
            os.kill(deployed.started.note.pid, signal.SIGTERM)
            return await asyncio.gather(*asks, return_exceptions=True)

    first, second = deployed.shas
    deployed.registry.promote(PORTFOLIO, second)
    switch(deployed.launch, PORTFOLIO)
    workers = [(pid, start_time(pid) or 0) for pid in deployed.workers()]
    answers = asyncio.run(burst())
    assert [answer for answer in answers if not isinstance(answer, httpx.Response) or answer.status_code != 200] == []
    assert {answer.json()["release"] for answer in answers if isinstance(answer, httpx.Response)} == {second}
    until(lambda: status(deployed.launch.home) is None)
    assert not any(is_running(*worker) for worker in workers)
    assert not stop(deployed.launch.home)

    deployed.registry.rollback(PORTFOLIO)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Load(deployed) as load:
        deployed.started = start(deployed.launch)
        until(lambda: len(load.answers) > 50)
    assert {release for _, release in load.answers} == {first}
    assert httpx.get(deployed.launch.url + "/readyz").json()["degraded"] == []
    # What its processes keep for a while is in one folder, which a service that is stopped removes.
    (service,) = tmp_path.glob("lendloop-service-*")
    assert {folder.parent for folder in tmp_path.rglob("bentoml-client-*")} == {service}


def test_a_supervisor_that_is_killed_takes_its_workers_with_it(deployed: Deployed) -> None:
    workers = [(pid, start_time(pid) or 0) for pid in deployed.workers()]
    assert len(workers) == 2
    os.kill(deployed.started.note.pid, signal.SIGKILL)
    until(lambda: not any(is_running(*worker) for worker in workers))
    assert status(deployed.launch.home) is None
    deployed.started = start(deployed.launch)  # for the tests of other files
