"""Deploying: build the Bento, start the service, check it, switch it to a release, stop it. Plain functions for flows.

`serve(launch)` runs the service in the foreground; `start(launch)` runs the same in the background.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from infra.processes import stop_process, with_parent
from serving.answers import decide_again
from serving.bento import build_bento
from serving.desk import Desk, open_desk
from serving.following import Followed, follow_once, open_champions, release_check
from serving.launch import Launch, Note, ServiceError, read_note, service_folder
from serving.log.decision_log import open_log
from serving.pointers import read_pointer, read_workers
from serving.server import DRAIN_SECONDS
from serving.starting import READY_SECONDS, is_ready
from serving.supervisor import TAKE_OVER

__all__ = ["Checked", "Started", "build_bento", "check", "serve", "start", "status", "stop", "switch"]

SWITCH_SECONDS = 30.0
TRIES = 4


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

    Otherwise a new one takes its place once it is ready, on the same socket: no request is refused, and one that does
    not become ready leaves the old one alone.
    """
    running = status(launch.home)
    if running and _same(running, launch) and is_ready(launch, 5.0):
        return Started(running, reused=True)
    launch.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = launch.folder / "service.log"
    with log.open("ab") as output, _process(launch, TAKE_OVER, output=output) as supervisor:
        note = supervisor.wait_ready(launch, f"its log is {log}")
        supervisor.process.returncode = 0  # it is left to run: no warning that nobody waited for it
    return Started(note, reused=False)


def serve(launch: Launch, on_ready: Callable[[Note], None]) -> None:
    """Run the service in the foreground, its log on standard error, until Ctrl-C or until it ends."""
    with suppress(KeyboardInterrupt), _process(launch) as supervisor:
        on_ready(supervisor.wait_ready(launch, "its log says more"))
        # Polars' handler of SIGINT has the kernel go on with a `wait` without end: a Ctrl-C would not be heard in one.
        while supervisor.process.poll() is None:
            time.sleep(0.1)
        if supervisor.process.returncode != 0:
            raise ServiceError(f"the service ended: {supervisor.fault()}")


def stop(home: Path) -> bool:
    """Let the service on `home` finish its requests and end it; False: none ran."""
    running = status(home)
    return running is not None and stop_process(running.pid, running.started, seconds=DRAIN_SECONDS + 15)


def switch(launch: Launch, portfolio: str) -> Followed:
    """Make the registry's champion current, and return when every worker of the running service answers by it."""
    followed = follow_once(launch.releases, portfolio, open_champions(launch), release_check(launch))
    if followed.sha is None:
        command = f"`lendloop release promote {portfolio} SHA --by NAME`"
        raise ServiceError(f"portfolio {portfolio!r} has no champion; promote one with {command}")
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
    headers = {"Authorization": f"Bearer {launch.own_key()}"}
    if decision_time:
        headers["Lendloop-Decision-Time"] = decision_time.isoformat()
    with httpx.Client(base_url=launch.url, timeout=10.0) as client:
        for probe in ("/livez", "/readyz", "/v1/releases"):
            _expect(client.get(probe, headers=headers), 200)
        for again in range(TRIES):
            # A key has its first answer for ever, also one made without features on a machine that was busy.
            headers["Idempotency-Key"] = f"{key}-{again}" if again else key
            answer = _expect(client.post(path, json=dict(body), headers=headers), 200)
            if answer["release"] != sha:
                raise ServiceError(
                    f"the service answered by release {answer['release']}, expected {sha}; is the key an old one?"
                )
            if _decided_alike(launch, desk, answer):
                return Checked(portfolio, answer["release"], answer["outcome"], answer["decision_id"])
            time.sleep(again)
    raise ServiceError(f"the service could not read features online in time, {TRIES} times; check the online store")


def _decided_alike(launch: Launch, desk: Desk, answer: Mapping[str, Any]) -> bool:
    """Whether the service had read the features in time.

    Raises unless the logged decision is the answer, and this process decides the same on the same features.
    """
    log = open_log(launch.decision_log, launch.log_keys())
    try:
        record = log.find(answer["decision_id"])
    finally:
        log.close()
    if record is None:
        raise ServiceError(f"decision {answer['decision_id']} was answered but is not in the log; do its URLs agree?")
    mine = decide_again(desk, record)
    found = (answer["outcome"], answer["probability"])
    if found != (mine.outcome, mine.probability):
        raise ServiceError(
            f"the service answered (outcome, probability) {found}, this process {(mine.outcome, mine.probability)} on "
            "the same features; expected the same: does the service run other code?"
        )
    return "late" not in mine.problems


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


def _same(running: Note, launch: Launch) -> bool:
    return running.bento == launch.bento and running.settings == launch.digest()


@contextmanager
def _process(launch: Launch, *options: str, output: BinaryIO | None = None) -> Iterator["_Supervisor"]:
    """A new supervisor from the Bento; ended, with what it has begun, unless it becomes ready."""
    launch.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    told, tell = os.pipe()
    command = [sys.executable, "-m", "serving.supervisor", str(tell), *options]
    process = subprocess.Popen(
        # In the Bento's own folder, so that its files are imported and none of a checkout's.
        with_parent(command) if output is None else command,
        cwd=launch.bento / "src",
        env=launch.environment(),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=[tell],
        start_new_session=True,  # it hears neither this terminal's Ctrl-C nor its end
    )
    os.close(tell)
    assert process.stdin is not None
    with process.stdin as given:
        given.write(launch.model_dump_json().encode())
    try:
        yield _Supervisor(process, told)
    except BaseException:
        process.terminate()
        process.wait(DRAIN_SECONDS + 15)
        raise
    finally:
        os.close(told)


@dataclass(frozen=True)
class _Supervisor:
    process: "subprocess.Popen[bytes]"
    told: int

    def wait_ready(self, launch: Launch, log: str) -> Note:
        until = time.monotonic() + READY_SECONDS + 30
        while self.process.poll() is None and time.monotonic() < until:
            note = read_note(launch.folder)
            if note and note.pid == self.process.pid:
                return note
            time.sleep(0.05)
        raise ServiceError(f"the service did not start: {self.fault()}; {log}{_goes_on(launch)}")

    def fault(self) -> str:
        """What it said before it ended."""
        if self.process.poll() is None:
            return "it was not ready in time"
        os.set_blocking(self.told, False)
        try:
            return os.read(self.told, 10_000).decode(errors="replace") or "it said nothing"
        except BlockingIOError:
            return f"it ended with code {self.process.returncode}"


def _goes_on(launch: Launch) -> str:
    return "; the one that runs goes on answering" if status(launch.home) else ""
