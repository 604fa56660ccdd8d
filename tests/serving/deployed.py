"""A service that runs as it is deployed, with all it stands on, and clients that load it."""

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

from infra.processes import free_port
from serving.deployment import build_bento, start, stop
from serving.launch import Launch
from serving.log.decision_log import open_log
from serving.partners.book import open_book
from serving.partners.key import server_secret
from serving.partners.partner import Partner, make_partner
from serving.pointers import read_workers
from tests.servers import RedisServer
from tests.serving.materialized import materialize, two_customers
from tests.serving.small_releases import PORTFOLIO, build_small
from tests.shared import made_once, session_folder

PROJECT = Path(__file__).resolve().parents[2]
DECISIONS = f"/v1/portfolios/{PORTFOLIO}/decisions"
SAFE, RISKY = 1, 2
PAUSE_SECONDS = 0.04
CALM_SECONDS = 0.15


class Deployed:
    """The running service with what it runs on."""

    def __init__(self, folder: Path, redis: RedisServer, **settings: Any) -> None:
        from training.registry import Registry

        self.redis = redis
        self.launch = launch_in(folder, self.redis.url).model_copy(update=settings)
        urls = {"registry": self.launch.feature_registry, "online": self.launch.online_store}
        materialize("behaviour", datetime.now(UTC), rows=two_customers(SAFE, RISKY), **urls)
        self.registry = Registry(self.launch.mlflow_uri, self.launch.mlflow_artifacts)
        self.shas = [self.log_release(folder / "built", slope) for slope in (1.0, 1.1)]
        self.registry.promote(PORTFOLIO, self.shas[0])
        self.started = start(self.launch)
        self.headers = {"Authorization": f"Bearer {self.launch.own_key()}"}

    def log_release(self, built: Path, slope: float) -> str:
        sha = build_small(built, slope=slope)
        as_of = datetime(2026, 1, 31, tzinfo=UTC).date()
        self.registry.log_release(PORTFOLIO, built / sha, sha, as_of=as_of, gates={}, runs={})
        return sha

    def add_partner(self, name: str, quota: str) -> dict[str, str]:
        """The headers of a new partner; the platform's own key has a quota that load may exceed."""
        partner = make_partner(name, "decide,read", "*", quota, 1000)
        return {"Authorization": f"Bearer {add_partner(self.launch, partner)}"}

    def ask(self, entity: int = SAFE, **more: Any) -> httpx.Response:
        body = {"entity_id": entity, **more}
        return httpx.post(self.launch.url + DECISIONS, json=body, headers=self.headers, timeout=10)

    def partner(self, name: str) -> dict[str, str]:
        """The headers of a partner that may do everything; workers know it within a second."""
        partner = make_partner(name, "decide,review,read", "*", "1000/s", 100)
        headers = {"Authorization": f"Bearer {add_partner(self.launch, partner)}"}
        until(lambda: httpx.get(f"{self.launch.url}/v1/releases", headers=headers, timeout=10).status_code == 200)
        return headers

    def counted(self, name: str) -> float:
        """What `GET /metrics` says of a counter, its labels as they are written there; 0: nothing yet."""
        lines = httpx.get(self.launch.url + "/metrics", timeout=10).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0.0)

    def answers(self) -> bool:
        try:
            return self.ask().status_code == 200
        except httpx.HTTPError:
            return False

    def workers(self) -> list[int]:
        return sorted(read_workers(self.launch.releases))


@contextmanager
def deployed_in(folder: Path) -> Iterator[Deployed]:
    """A service on a Redis of its own and an SQLite log; both are stopped in the end."""
    redis = RedisServer(folder / "redis")
    redis.start()
    try:
        yield Deployed(folder, redis)
    finally:
        stop(folder / "home")
        redis.stop()


def add_partner(launch: Launch, partner: Partner) -> str:
    """The key of a new partner of a service."""
    secret = server_secret(launch.partner_secret, launch.home / "partner.key")
    with (
        closing(open_log(launch.decision_log, launch.log_keys())) as log,
        closing(open_book(launch.decision_log, secret, log.vault)) as book,
    ):
        return book.add(partner, by="ann", at=datetime.now(UTC))


def launch_in(folder: Path, redis_url: str) -> Launch:
    home = folder / "home"
    # Moved after it was built: a Bento runs wherever it lies.
    bento = folder / "elsewhere" / "bento"
    shared = session_folder(folder)
    with made_once(shared, "bentos"):
        built = build_bento(PROJECT, shared / "bentos")
    shutil.copytree(built, bento)
    return Launch(
        home=home,
        bento=bento,
        portfolios=(PORTFOLIO, "none_yet"),
        mlflow_uri=f"sqlite:///{folder / 'mlflow.db'}",
        mlflow_artifacts=folder / "artifacts",
        feature_registry=f"sqlite:///{folder / 'feature_registry.db'}",
        online_store=redis_url,
        decision_log=f"sqlite:///{folder / 'decisions.db'}",
        port=free_port(),
        feature_seconds=1.0,  # the machine that runs tests does other things too
    )


class Load:
    """Requests until told to stop, from clients that keep their connections and from some that never do.

    They ask but now and then until `begins`: what a new process imports first takes the machine, and meets no request.
    What came back that was not an answer is kept.
    """

    def __init__(
        self,
        deployed: Deployed,
        keeping: int = 3,
        fresh: int = 1,
        entities: Sequence[int] = (SAFE,),
        begins: Callable[[], bool] = lambda: True,
    ) -> None:
        self.entities = cycle(entities)
        self._begins, self._begun = begins, False
        self.url, self.headers = deployed.launch.url, deployed.headers
        self.clients = [True] * keeping + [False] * fresh
        self.answers: list[tuple[float, str]] = []
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(keeping) for keeping in self.clients))

    async def _client(self, keeping: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=None if keeping else 0)
        async with httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=10, limits=limits) as client:
            while not self._stop.is_set():
                # Constant, and not all the machine can do: what is tested needs some of it.
                self._begun = self._begun or self._begins()
                await asyncio.sleep(PAUSE_SECONDS if self._begun else CALM_SECONDS)
                began = time.perf_counter()
                try:
                    response = await client.post(DECISIONS, json={"entity_id": next(self.entities)})
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                if response.status_code == 200:
                    self.answers.append((time.perf_counter() - began, response.json()["release"]))
                else:
                    self.failures.append(response.text)


def until(true: Callable[[], bool], seconds: float = 90.0) -> None:
    """Wait for something to become true; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
