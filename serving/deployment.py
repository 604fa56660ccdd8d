"""Deploying: build the Bento, start the service, check it, switch it to a release, stop it. Plain functions for flows.

`supervisor.serve(launch)` runs the service in the foreground; `start(launch)` runs the same in the background.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.processes import stop_process
from serving.answers import decide_again
from serving.bento import build_bento
from serving.desk import Desk, open_desk
from serving.following import Followed, follow_once
from serving.launch import Launch, Note, ServiceError, read_note, service_folder
from serving.log.decision_log import open_log
from serving.pointers import read_pointer, read_workers
from serving.server import DRAIN_SECONDS
from serving.supervisor import READY_SECONDS, check_port, is_ready, open_champions, release_check

__all__ = ["Checked", "Started", "build_bento", "check", "start", "status", "stop", "switch"]

SWITCH_SECONDS = 30.0


@dataclass(frozen=True)
class Started:
    """A running service, and whether it ran already."""

    note: Note
    reused: bool


@dataclass(frozen=True)
class Checked:
    """What the running service answered in the smoke test."""

    portfolio: str
    release: str
    outcome: str
    decision_id: str


def status(home: Path) -> Note | None:
    """The service that runs on `home`; None: none does."""
    return read_note(service_folder(home))


def start(launch: Launch) -> Started:
    """Have the service run in the background; one that already runs this code with these settings is kept.

    Code that changed is first started beside the old service, on a port of its own: one that does not become ready
    leaves the old one alone.
    """
    running = status(launch.home)
    if running and _same(running, launch) and is_ready(launch, 5.0):
        return Started(running, reused=True)
    if running:
        _rehearse(launch)
        stop(launch.home)
    check_port(launch)
    return Started(_spawn(launch), reused=False)


def stop(home: Path) -> bool:
    """Let the service on `home` finish its requests and end it; False: none ran."""
    running = status(home)
    return running is not None and stop_process(running.pid, running.started, seconds=DRAIN_SECONDS + 15)


def switch(launch: Launch, portfolio: str) -> Followed:
    """Make the registry's champion current, and return when every worker of the running service answers by it."""
    followed = follow_once(launch.releases, portfolio, open_champions(launch), release_check(launch))
    if followed.sha is None:
        raise ServiceError(f"portfolio {portfolio!r} has no champion; promote one with `lendloop release promote`")
    if status(launch.home):
        _wait_served(launch, portfolio, followed.sha)
    return followed


def check(
    launch: Launch, portfolio: str, body: Mapping[str, Any], *, key: str, decision_time: datetime | None = None
) -> Checked:
    """Smoke test of the running service: probes, and a decision that equals the one made in this process.

    `body` is a request for an entity with features; the decision is logged as the platform's own, under idempotency key
    `key`.
    """
    import httpx

    sha = read_pointer(launch.releases, portfolio)
    if sha is None:
        raise ServiceError(f"portfolio {portfolio!r} has no current release; switch to one first")
    desk = open_desk(portfolio, launch.releases / sha, registry=launch.feature_registry, online=launch.online_store)
    path = f"/v1/portfolios/{portfolio}/{'decisions' if desk.takes('decision') else 'propensities'}"
    headers = {"Idempotency-Key": key, "Authorization": f"Bearer {launch.own_key()}"}
    if decision_time:
        headers["Lendloop-Decision-Time"] = decision_time.isoformat()
    with httpx.Client(base_url=launch.url, timeout=10.0) as client:
        for probe in ("/livez", "/readyz", "/v1/releases"):
            _expect(client.get(probe, headers=headers), 200)
        answer = _expect(client.post(path, json=dict(body), headers=headers), 200)
    if answer["release"] != sha:
        raise ServiceError(
            f"the service answered by release {answer['release']}, expected {sha}; is the key an old one?"
        )
    _decide_again(launch, desk, answer)
    return Checked(portfolio, answer["release"], answer["outcome"], answer["decision_id"])


def _decide_again(launch: Launch, desk: Desk, answer: Mapping[str, Any]) -> None:
    """Raise unless the logged decision is the answer, and this process decides the same on the same features."""
    log = open_log(launch.decision_log, launch.log_keys())
    try:
        record = log.find(answer["decision_id"])
    finally:
        log.close()
    if record is None:
        raise ServiceError(f"decision {answer['decision_id']} was answered but is not in the log; do its URLs agree?")
    mine = decide_again(desk, record)
    if "late" in mine.problems:
        raise ServiceError("the service could not read features online in time; check the online store")
    found = (answer["outcome"], answer["probability"])
    if found != (mine.outcome, mine.probability):
        raise ServiceError(
            f"the service answered (outcome, probability) {found}, this process {(mine.outcome, mine.probability)} on "
            "the same features; expected the same: does the service run other code?"
        )


def _wait_served(launch: Launch, portfolio: str, sha: str) -> None:
    until = time.monotonic() + SWITCH_SECONDS
    while running := status(launch.home):
        served = [worker.get(portfolio) for worker in read_workers(launch.releases).values()]
        if len(served) >= running.workers and set(served) == {sha}:
            return
        if time.monotonic() > until:
            raise ServiceError(
                f"the workers serve {served} of {portfolio!r}, expected {sha} from all {running.workers}; "
                f"GET {launch.url}/v1/releases says why; the last good release goes on answering"
            )
        time.sleep(0.05)


def _expect(response: Any, wanted: int) -> Any:
    if response.status_code != wanted:
        place = f"{response.request.method} {response.request.url.path}"
        raise ServiceError(f"{place}: found status {response.status_code}, expected {wanted}: {response.text[:400]}")
    return response.json()


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _same(running: Note, launch: Launch) -> bool:
    return running.bento == launch.bento and running.settings == launch.digest()


def _rehearse(launch: Launch) -> None:
    trial = launch.model_copy(
        update={"port": _free_port(launch.host), "workers": 1, "notes": launch.folder / "rehearsal"}
    )
    note = _spawn(trial)
    stop_process(note.pid, note.started)


def _spawn(launch: Launch) -> Note:
    launch.folder.mkdir(parents=True, exist_ok=True)
    log = launch.folder / "service.log"
    with log.open("ab") as output:
        began = log.stat().st_size
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.supervisor"],
            cwd=launch.bento / "src",
            env={**os.environ, **launch.environment()},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # it goes on when this process, or its terminal, ends
        )
    assert process.stdin is not None
    with process.stdin as given:
        given.write(launch.model_dump_json().encode())
    return _wait_ready(launch, process, log, began)


def _wait_ready(launch: Launch, process: "subprocess.Popen[bytes]", log: Path, began: int) -> Note:
    until = time.monotonic() + READY_SECONDS + 30
    while process.poll() is None and time.monotonic() < until:
        note = read_note(launch.folder)
        if note and note.pid == process.pid:
            process.returncode = 0  # it is left to run: no warning that nobody waited for it
            return note
        time.sleep(0.05)
    process.terminate()
    process.wait(DRAIN_SECONDS + 15)
    raise ServiceError(f"the service did not start: {_last_fault(log, began)}; its log is {log}")


def _last_fault(log: Path, began: int) -> str:
    """The last fault of our own in the part of the log that this start wrote; else its last lines."""
    with log.open("rb") as file:
        file.seek(began)
        lines = file.read().decode(errors="replace").splitlines()
    for line in reversed(lines):
        if line.startswith("{") and (fault := json.loads(line).get("fault")):
            return str(fault)
    return " ".join(lines[-3:]) or "it said nothing"
