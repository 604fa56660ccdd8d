"""A read of what quotas have granted that takes longer than who asked for it waits."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from serving import quotas
from serving.api.schemas import DecisionRequest
from serving.asked import Asked
from serving.inquiry import Inquiry
from serving.log.database import Session, open_database
from serving.log.decision_log import DecisionLog
from serving.log.entry import encode
from serving.quotas import QuotaCounts
from tests.serving.log.examples import START, make_record
from tests.serving.small_releases import PORTFOLIO, cards_policy

T = TypeVar("T")
DAILY = {"id": "daily", "of": "approvals", "each": "day", "at_most": 9}


class Gated:
    """The log's database, which answers once the gate is open, or after a while, so that a test that fails ends too."""

    def __init__(self, url: str) -> None:
        self.whole, self.gate = open_database(url), threading.Event()
        self.rows = 0

    def read(self, work: Callable[[Session], T]) -> T:
        self.gate.wait(6)
        found: Any = self.whole.read(work)
        self.rows += len(found)
        return found  # type: ignore[no-any-return]

    def close(self) -> None:
        self.whole.close()


@pytest.fixture
def database(url: str, log: DecisionLog) -> Iterator[Any]:
    found = Gated(url)
    yield found
    found.close()


@pytest.mark.parametrize("given_up", [True, False])
def test_a_long_read_holds_nobody_up_and_is_kept_for_who_comes_after(
    database: Any, log: DecisionLog, monkeypatch: pytest.MonkeyPatch, given_up: bool
) -> None:
    monkeypatch.setattr(quotas, "STALE_SECONDS", 0.4)
    log.commit([encode(make_record(second, portfolio=PORTFOLIO)) for second in range(3)])
    inquiry, risk = Inquiry(quotas=QuotaCounts(database, log.vault)), cards_policy({"quotas": [DAILY]}).risk
    asked = Asked("shop", PORTFOLIO, "decision", DecisionRequest(entity_id=1), START)

    async def ask() -> dict[str, float]:
        async with inquiry.turn(PORTFOLIO):
            return await inquiry.used(asked, risk)

    async def run() -> None:
        began = time.monotonic()
        if given_up:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ask(), 0.1)
        else:
            assert await ask() == {}
        assert await asyncio.gather(*(ask() for _ in range(20))) == [{}] * 20
        assert time.monotonic() - began < 10 * quotas.STALE_SECONDS
        database.gate.set()
        while (found := await ask()) != {"daily": 3}:
            assert found == {}
            assert time.monotonic() - began < 15
        assert database.rows == 3  # what the read found is not read again

    asyncio.run(run())


def test_who_decides_a_file_waits_for_a_long_read(
    database: Any, log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "STALE_SECONDS", 0.4)
    log.commit([encode(make_record(second, portfolio=PORTFOLIO)) for second in range(3)])
    inquiry, risk = Inquiry(quotas=QuotaCounts(database, log.vault)), cards_policy({"quotas": [DAILY]}).risk
    asked = Asked("file", PORTFOLIO, "decision", DecisionRequest(entity_id=1), START)

    async def run() -> None:
        asyncio.get_running_loop().call_later(1.0, database.gate.set)
        await inquiry.circumstances(asked, risk, False)
        assert database.rows == 3

    asyncio.run(run())
