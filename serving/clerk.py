"""What happens to a request: find the desk, look up features, decide, log, and only then answer."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from serving.answers import Answer, Asked, answer_of, record_of
from serving.api.problems import Problem
from serving.desk import LATE, Desk, Looked
from serving.inquiry import Inquiry
from serving.log.batcher import Batcher, LogOverloaded
from serving.log.commit import IdempotencyConflict
from serving.log.database import LogUnavailable
from serving.log.decision_log import DecisionLog
from serving.partners.directory import Directory
from serving.partners.quotas import Quotas
from serving.pauses import Pauses
from serving.runtime import Runtime

PAUSE_SECONDS = 1.0  # how old a look at the pauses may be; a replay looks each time
READERS = 8


@dataclass
class Clerk:
    """Answers the requests of one worker; belongs to one event loop."""

    runtime: Runtime[Desk]
    log: Batcher
    records: DecisionLog
    pauses: Pauses
    directory: Directory
    quotas: Quotas
    replay: bool = False
    feature_seconds: float = 0.25
    inquiry: Inquiry = field(default_factory=Inquiry)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(READERS, "features"))
    _looks: dict[str, tuple[float, bool]] = field(default_factory=dict)

    async def answer(self, asked: Asked) -> Answer:
        """The answer to a request, after it is in the log; or a `Problem`, and then nothing was approved."""
        desk = self._desk(asked)
        try:
            paused = await self._paused(asked.portfolio, asked.at)
            looked = await self._look_up(desk, asked)
            found = await self.inquiry.circumstances(asked, desk.release.policy.risk, paused)
            decision = desk.decide(asked.kind, looked, application=asked.application, circumstances=found)
            appended = await self.log.append(record_of(asked, desk, looked, decision, found))
        except IdempotencyConflict:
            detail = "this key was used for another request; use a new key, or repeat that request"
            raise Problem(422, detail, at=("header", "Idempotency-Key")) from None
        except (LogUnavailable, LogOverloaded):
            detail = "the decision log cannot be written, so nothing was decided; try again"
            raise Problem(503, detail, headers={"retry-after": "1"}) from None
        return answer_of(appended.record)

    async def close(self) -> None:
        """Stop following releases, commit what waits, end the threads."""
        self.runtime.stop()
        await self.log.close()
        await self.directory.close()
        await self.inquiry.close()
        self.quotas.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _desk(self, asked: Asked) -> Desk:
        served = self.runtime.get(asked.portfolio)
        if served is None:
            raise Problem(404, "no such portfolio is served; GET /v1/releases lists them", at=("path", "portfolio"))
        desk = served.loaded
        if desk is None:
            raise Problem(503, "the portfolio's release cannot be loaded; GET /v1/releases says why")
        if not desk.takes(asked.kind):
            other = "propensities" if asked.kind == "decision" else "decisions"
            raise Problem(404, f"the portfolio does not answer this; POST …/{other} does", at=("path", "portfolio"))
        if not desk.accepts(asked.request.entity_id):
            kind = desk.release.features.entity_type
            raise Problem(422, f"expected {'an integer' if kind == 'int' else 'text'}", at=("body", "entity_id"))
        return desk

    async def _look_up(self, desk: Desk, asked: Asked) -> Looked:
        loop = asyncio.get_running_loop()
        try:
            reading = loop.run_in_executor(self._threads, desk.look_up, asked.request.entity_id, asked.at)
            return await asyncio.wait_for(reading, self.feature_seconds)
        except TimeoutError:
            return LATE

    async def _paused(self, portfolio: str, at: datetime) -> bool:
        looked, paused = self._looks.get(portfolio, (float("-inf"), False))
        if not self.replay and time.monotonic() - looked < PAUSE_SECONDS:
            return paused
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, self.pauses.active_pause, portfolio, at) is not None
        self._looks[portfolio] = (time.monotonic(), found)
        return found
