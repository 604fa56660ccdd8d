"""Workers killed at random moments under load, and what must hold then."""

import os
import random
import signal
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import psutil

from serving.answers import answer_of
from serving.log.decision_log import open_log
from serving.log.record import Record
from tests.faults.callers import Callers, ask_again
from tests.faults.figures import keep
from tests.serving.deployed import Deployed, until
from tests.serving.small_releases import PORTFOLIO

FEW = 4
KILLS = int(os.environ.get("KILLS", f"{FEW}"))
SEED = int(os.environ.get("KILLS_SEED", str(random.randrange(10**6))))
LONGEST_PAUSE = 1.5 if KILLS < 20 else 4.0
# A worker that is killed as it starts, again and again, is started after at most 10 s; it then needs about two.
READY_SECONDS = 45.0
REPEATED = 300
CALM = 0.1
TIMEOUT = 120 + 20 * KILLS


@dataclass
class Killer:
    """Kills workers of a service, those that answer and those that start, and notes how long nobody answered."""

    service: Deployed
    chance: random.Random
    spared: set[int] = field(init=False)
    unready: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        until(self.whole, READY_SECONDS)
        self.spared = self._children() - set(self.service.workers())

    def kill(self) -> None:
        """Kill one at a random moment, and wait until the service says that it is ready."""
        time.sleep(self.chance.uniform(0, LONGEST_PAUSE))
        until(lambda: bool(self._children() - self.spared), READY_SECONDS)
        os.kill(self.chance.choice(sorted(self._children() - self.spared)), signal.SIGKILL)
        began = time.monotonic()
        until(self._ready, READY_SECONDS)
        self.unready.append(time.monotonic() - began)

    def whole(self) -> bool:
        """Whether every worker that there should be answers."""
        return len(self.service.workers()) == self.service.launch.workers

    def _children(self) -> set[int]:
        supervisor = psutil.Process(self.service.started.note.pid)
        return {child.pid for child in supervisor.children() if child.status() != psutil.STATUS_ZOMBIE}

    def _ready(self) -> bool:
        try:
            return httpx.get(self.service.launch.url + "/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


def assert_kills_lose_nothing(service: Deployed, name: str, kills: int = KILLS) -> None:
    """Kill `kills` workers while callers ask; then every answer is in the log, and is the answer."""
    killer, began = Killer(service, random.Random(SEED)), datetime.now(UTC)
    with Callers(service, f"{name}-{SEED}") as callers:
        for _ in range(kills):
            killer.kill()
        callers.pause = CALM  # the kills are over: the workers that begin need the machine more
        until(killer.whole, READY_SECONDS)
    again = [call for call in callers.calls if call.sent > 1]
    keep(
        f"kills-{name}",
        seed=SEED,
        kills=kills,
        answered=len(callers.answered),
        sent_again=len(again),
        longest_unready_seconds=round(max(killer.unready), 2),
    )
    assert callers.faults == [], f"KILLS_SEED={SEED}"
    assert len(callers.answered) == len(callers.calls)
    assert again, "no kill met a request"
    found = _logged(service, began)
    # One record for a key, however often it was sent, and each is the answer to the last byte.
    keys = [record.idempotency_key for record in found]
    assert sorted(keys) == sorted(call.key for call in callers.calls)
    told = dict(zip(keys, map(_told, found), strict=True))
    assert [call.key for call in callers.calls if told[call.key] != call.answer] == []
    assert ask_again(service, again + callers.calls[-REPEATED:]) == []


def _logged(service: Deployed, began: datetime) -> list[Record]:
    """The records since `began`, of a chain that is whole."""
    log = open_log(service.launch.decision_log, service.launch.log_keys())
    try:
        checked = log.verify()
        assert checked.valid, checked.broken
        return list(log.read(PORTFOLIO, began, datetime.now(UTC)))
    finally:
        log.close()


def _told(record: Record) -> bytes:
    return answer_of(record).model_dump_json().encode()
