"""Lending systems as they should be: a key for every request, sent again until it is answered."""

import asyncio
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.serving.deployed import DECISIONS, RISKY, SAFE, Deployed

PATIENCE = 90.0  # seconds until a caller gives a request up, which none should have to
TIMEOUT = 10.0
AT_ONCE = 16


@dataclass
class Call:
    """A request with its key, what it was answered, and how often it had to be sent."""

    key: str
    body: dict[str, Any]
    answer: bytes = b""
    sent: int = 0


@dataclass
class Callers:
    """Some that ask one thing after another while the block lasts; every answer is kept.

    They ask at once again, or after `pause` seconds. `broken` counts requests that came back without an answer,
    `faults` holds what must not come back at all.
    """

    service: Deployed
    name: str
    many: int = 6
    pause: float = 0.0
    calls: list[Call] = field(default_factory=list)
    broken: int = 0
    faults: list[str] = field(default_factory=list)

    def __enter__(self) -> "Callers":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def answered(self) -> list[Call]:
        """The calls that got an answer."""
        return [call for call in self.calls if call.answer]

    async def _all(self) -> None:
        await asyncio.gather(*(self._caller(place) for place in range(self.many)))

    async def _caller(self, place: int) -> None:
        async with _client(self.service) as client:
            number = 0
            while not self._stop.is_set():
                number += 1
                body = {"entity_id": (SAFE, RISKY)[number % 2], "amount": 100 + number % 7}
                self.calls.append(Call(f"{self.name}-{place}-{number}", body))
                await self._until_answered(client, self.calls[-1])
                if self.pause:
                    await asyncio.sleep(self.pause)

    async def _until_answered(self, client: httpx.AsyncClient, call: Call) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            call.sent += 1
            try:
                response = await _send(client, call)
            except httpx.HTTPError:
                self.broken += 1
                await asyncio.sleep(0.02)  # nobody listens for a moment: as often as that is often enough
                continue
            if response.status_code == 200:
                call.answer = response.content
                return
            if response.status_code != 503:
                break
            self.broken += 1
            await asyncio.sleep(0.1)
        self.faults.append(f"{call.key}, sent {call.sent} times: {response.status_code} {response.text[:200]}")


def ask_again(service: Deployed, calls: Iterable[Call]) -> list[str]:
    """Send calls once more with their keys; the keys of those that got another answer than before."""

    async def all_of_them() -> list[str]:
        waiting, differing = iter(calls), []

        async def some(client: httpx.AsyncClient) -> None:
            for call in waiting:
                response = await _send(client, call)
                if response.content != call.answer:
                    differing.append(f"{call.key}: {response.status_code} {response.text[:200]}")

        async with _client(service) as client:
            await asyncio.gather(*(some(client) for _ in range(AT_ONCE)))
        return differing

    return asyncio.run(all_of_them())


def _client(service: Deployed) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=service.launch.url, headers=service.headers, timeout=TIMEOUT)


async def _send(client: httpx.AsyncClient, call: Call) -> httpx.Response:
    return await client.post(DECISIONS, json=call.body, headers={"Idempotency-Key": call.key})
