"""A worker of the decision service for tests, without BentoML, and what its answers are looked at with."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher

from serving.api.app import create_app
from serving.clerk import Clerk
from serving.consents import open_consents
from serving.desk import Desk
from serving.inquiry import Inquiry
from serving.log.batcher import Batcher
from serving.log.decision_log import open_log
from serving.partners.batch_keys import open_batch_keys
from serving.partners.book import open_book
from serving.partners.directory import Directory
from serving.partners.limits import open_limits
from serving.partners.partner import make_partner
from serving.pauses import open_pauses
from serving.pointers import write_pointer
from serving.policy import ConsentPurpose
from serving.release import load_release
from serving.reviews.board import open_board
from serving.runtime import Runtime
from serving.staff.book import open_staff
from serving.staff.member import make_member
from serving.staff.passwords import Passwords
from serving.staff.reception import Reception
from serving.staff.sessions import make_session
from tests.serving.log.keyring import KEYS
from tests.serving.small_releases import CAMPAIGN, NO_MORE, PORTFOLIO, FakeReader, build_small, fresh_reader

DECISIONS = f"/v1/portfolios/{PORTFOLIO}/decisions"


SECRET = b"s" * 32


CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


PASSWORD = "correct horse battery"


PROPENSITIES = f"/v1/portfolios/{CAMPAIGN}/propensities"


class Worker:
    """A worker without BentoML: real releases, log, pauses and partners; features from memory."""

    def __init__(
        self,
        folder: Path,
        consents: tuple[ConsentPurpose, ...] = (),
        url: str = "",
        releases: Path | None = None,
        risk: Mapping[str, Any] = NO_MORE,
    ) -> None:
        self.releases = releases or folder / "releases"
        self.reader: FakeReader = fresh_reader()
        for portfolio in (PORTFOLIO, CAMPAIGN):
            made = build_small(self.releases, portfolio=portfolio, consents=consents, risk=risk)
            write_pointer(self.releases, portfolio, made)
        self.url = url or f"sqlite:///{folder / 'log.db'}"
        self.log = open_log(self.url, KEYS)
        self.pauses = open_pauses(self.url, self.log.vault)
        self.book = open_book(self.url, SECRET, self.log.vault)
        self.staff = open_staff(self.url, self.log)
        self.key = self.partner("shop", "decide,propensity,read", "*")
        self.replay = self.tokens = self.openid = False
        self.prepared: Callable[[Clerk], Any] = lambda clerk: None
        self.seconds = 2.0

    def reopen(self) -> None:
        """Have the log as a new process has it."""
        self.log.close()
        self.log = open_log(self.url, KEYS)

    @property
    def logged(self) -> int:
        """How many records the log has, but for those of whoever was let in to ask."""
        sql = "SELECT count(*) FROM decisions WHERE kind NOT IN ('partner', 'staff')"
        return int(self.log._rows(sql, [])[0][0])

    def partner(self, name: str, scopes: str, portfolios: str, quota: str = "1000/s", concurrency: int = 100) -> str:
        partner = make_partner(name, scopes, portfolios, quota, concurrency)
        return self.book.add(partner, by="ann", at=datetime.now(UTC))

    def member(self, name: str, roles: str = "reviewer", portfolios: str = "*") -> str:
        """Add a member of the staff; the token of a session of theirs."""
        found, at = make_member(name, roles, portfolios), datetime.now(UTC)
        self.staff.add(found, by="ann", at=at, password=CHEAP.make(name, PASSWORD))
        return make_session(SECRET, found, at)

    def close(self) -> None:
        for one in (self.staff, self.log, self.pauses, self.book):
            one.close()

    def app(self, clerk: Clerk) -> Any:
        return create_app(lambda: clerk, self.releases, tokens=self.tokens, openid=self.openid)

    @asynccontextmanager
    async def opened(self, batcher: Any = None, log_seconds: float = 5.0) -> AsyncIterator[Clerk]:
        runtime = Runtime(self.releases, lambda portfolio, folder: Desk(load_release(folder), self.reader))
        runtime.refresh()
        directory = Directory(open_book(self.url, SECRET), SECRET, tokens=self.tokens)
        limits = open_limits(f"sqlite:///{self.releases.parent / 'quotas.db'}")
        clerk = Clerk(
            runtime,
            batcher or Batcher(self.log),
            self.log,
            self.pauses,
            directory,
            limits,
            open_batch_keys(self.url, SECRET),
            self.replay,
            self.seconds,
            log_seconds,
            inquiry=Inquiry(consents=open_consents(self.url, self.log.vault)),
            staff=Reception(open_staff(self.url, self.log), SECRET, CHEAP),
            reviews=open_board(self.url, self.log),
        )
        self.prepared(clerk)
        yield clerk
        await clerk.close()

    @asynccontextmanager
    async def client(self, batcher: Any = None, log_seconds: float = 5.0) -> AsyncIterator[httpx.AsyncClient]:
        bearer = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        async with self.opened(batcher, log_seconds) as clerk:
            transport = httpx.ASGITransport(self.app(clerk), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=bearer) as client:
                yield client

    def post(self, path: str, body: Any, **headers: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            async with self.client() as client:
                return await client.post(path, json=body, headers=headers)

        return asyncio.run(one())

    def send(self, content: bytes, content_type: str = "application/json") -> httpx.Response:
        async def one() -> httpx.Response:
            async with self.client() as client:
                return await client.post(DECISIONS, content=content, headers={"content-type": content_type})

        return asyncio.run(one())

    def ask(self, method: str, path: str, body: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            async with self.client() as client:
                return await client.request(method, path, json=body)

        return asyncio.run(one())

    def get(self, path: str, **headers: str) -> httpx.Response:
        async def one() -> httpx.Response:
            async with self.client() as client:
                return await client.get(path, headers=headers)

        return asyncio.run(one())


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert {"type", "title", "detail"} <= set(document)
    return dict(document)


def fields(response: httpx.Response, status: int = 422) -> list[str]:
    return [f"{fault['location']}.{fault['field']}" for fault in problem(response, status)["errors"]]
