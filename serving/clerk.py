"""What happens to a request: find the desk, look up features, decide, log, and only then answer."""

import asyncio
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from serving.api.problems import Problem
from serving.asked import Asked
from serving.desk import Desk, Looked, now
from serving.inquiry import Inquiry
from serving.log.batcher import Batcher, LogOverloaded
from serving.log.commit import Appended
from serving.log.database import LogUnavailable
from serving.log.decision_log import DecisionLog
from serving.log.record import Record
from serving.lookups import Lookups, in_time
from serving.making import noted_again, recorded, together
from serving.partners.batch_keys import BatchKeys
from serving.partners.directory import Directory
from serving.partners.limits import PartnerLimits
from serving.pauses import Pauses
from serving.permitted import NO_CONSENTS, Permitted, late_permitted, look_up, purposes
from serving.reviews.board import Board
from serving.runtime import Runtime, Served
from serving.staff.provider import Provider
from serving.staff.reception import Reception
from serving.telemetry.telemetry import Telemetry
from serving.trial.challengers import Challengers, Tried
from serving.undecided import answering, misfit, not_loaded, reused, slow_log, unlogged

PAUSE_SECONDS = 1.0  # how old a look at the pauses may be; a replay looks each time
READERS = 8
PIECE = 100  # records of a batch in a commit: a single decision waits for one of them, and not for all
MORE_SECONDS = 0.001  # what each further item of a batch may add to the time in which features are read


@dataclass
class Clerk:
    """Answers the requests of one worker; belongs to one event loop."""

    runtime: Runtime[Desk]
    log: Batcher
    records: DecisionLog
    pauses: Pauses
    directory: Directory
    limits: PartnerLimits
    batches: BatchKeys
    replay: bool = False
    feature_seconds: float = 0.25
    log_seconds: float = 5.0
    inquiry: Inquiry = field(default_factory=Inquiry)
    staff: Reception | None = None
    provider: Provider | None = None
    reviews: Board | None = None
    telemetry: Telemetry = field(default_factory=Telemetry)
    challengers: Challengers | None = None
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(READERS, "features"))
    signing_in: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Who signs in waits for their turn: a password takes a tenth of a second, which checkouts need too."""
    _lookups: Lookups = field(init=False)
    _looks: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lookups = Lookups(self._threads)
        self.log.forsaken = lambda record, outcome: self.inquiry.settled([record], [outcome])

    async def answer(self, asked: Asked) -> Record:
        """The record that answers a request, after it is in the log; or a `Problem`, and then nothing was approved."""
        (found,) = await self.answer_all([asked])
        if isinstance(found, Problem):
            raise found
        return found

    async def answer_all(self, asked: Sequence[Asked], until: float = math.inf) -> list[Record | Problem]:
        """What answers each of the requests: of one partner, portfolio, kind and time; features are read in one go.

        What is not in the log at the loop's time `until` has a `Problem`; raises the one that all of them have.
        """
        desk = self._desk(asked[0])
        fit = [one for one in asked if desk.accepts(one.request.entity_id)]
        outcomes = iter(await self._decided(desk, fit, until) if fit else [])
        return [
            next(outcomes) if desk.accepts(one.request.entity_id) else misfit(desk.release.features.entity_type)
            for one in asked
        ]

    async def claim(self, partner: str, key: str, request: Any) -> None:
        """Give a batch its key, or raise the `Problem` that another batch has it; the same batch may ask again."""
        try:
            loop = asyncio.get_running_loop()
            taken = await loop.run_in_executor(None, self.batches.claim, partner, key, request, now())
        except LogUnavailable:
            raise unlogged() from None
        if not taken:
            raise reused()

    def served(self) -> list[Served[Desk]]:
        """What every portfolio is served with."""
        return self.runtime.all()

    def followed(self) -> dict[str, bool]:
        """Whether each portfolio's champion can be followed: else the last good release answers."""
        return self.runtime.followed()

    def tried(self) -> list[Tried]:
        """Every challenger that is tried."""
        return self.challengers.tried() if self.challengers else []

    def waiting(self) -> int:
        """How many records wait for a commit."""
        return self.log.waiting

    def paused(self) -> dict[str, bool]:
        """Whether automatic approval is paused, by portfolio, as last looked at."""
        return {portfolio: paused for portfolio, (_, paused) in self._looks.items()}

    def quotas_left(self) -> dict[tuple[str, str], float]:
        """The share of each quota that was left when last looked at: of partners, and of what policies allow."""
        return {**self.limits.quotas_left(time.time()), **(self.inquiry.quotas.left if self.inquiry.quotas else {})}

    async def close(self) -> None:
        """Stop following releases, commit what waits, end the threads."""
        self.runtime.stop()
        if self.challengers is not None:
            self.challengers.stop()
        await self.log.close()
        await self.directory.close()
        await self.inquiry.close()
        await self.limits.close()
        for beside in (self.batches, self.staff, self.reviews):
            if beside is not None:
                beside.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _desk(self, asked: Asked) -> Desk:
        served = self.runtime.get(asked.portfolio)
        if served is None:
            raise Problem(404, "no such portfolio is served; GET /v1/releases lists them", at=("path", "portfolio"))
        desk = served.loaded
        if desk is None:
            raise not_loaded()
        if not desk.takes(asked.kind):
            other = "propensities" if asked.kind == "decision" else "decisions"
            raise Problem(404, f"the portfolio does not answer this; POST …/{other} does", at=("path", "portfolio"))
        return desk

    async def _decided(self, desk: Desk, asked: Sequence[Asked], until: float) -> list[Record | Problem]:
        if len(asked) == 1 or not self.inquiry.counts(asked[0], desk.release.policy.risk):
            return await self._in_turn(desk, asked, until)
        asked = await noted_again(asked, self.records)
        # What was answered before comes last: it takes nothing of a quota, so that no other finds less of it.
        order = sorted(range(len(asked)), key=lambda place: asked[place].again)
        made = await self._in_turn(desk, [asked[place] for place in order], until)
        found = dict(zip(order, made, strict=True))
        return [found[place] for place in range(len(asked))]

    async def _in_turn(self, desk: Desk, asked: Sequence[Asked], until: float) -> list[Record | Problem]:
        canary = self.challengers.canary(asked[0].portfolio) if self.challengers else None
        try:
            if canary is None:
                records = await self._made(desk, asked)
            else:
                persons = [self.records.vault.person(one.portfolio, str(one.request.entity_id)) for one in asked]
                records = await canary.split(desk, asked, persons, self._made, self._dropped)
            with self.telemetry.step("log"):
                outcomes = await self._logged(records, until)
        except TimeoutError:
            raise slow_log() from None
        except (LogUnavailable, LogOverloaded):
            raise unlogged() from None
        self.telemetry.decided(outcomes)
        return answering(outcomes)

    async def _made(self, desk: Desk, asked: Sequence[Asked]) -> list[Record]:
        """The records of what the release of `desk` decides."""
        first, step = asked[0], self.telemetry.step
        with step("features"):
            permitted = await self._look_up(desk, asked)
            looked = permitted.looked
        with step("circumstances"):
            paused = await self._paused(first.portfolio, first.at)
            risk, consents = desk.release.policy.risk, permitted.consents
            each = (self.inquiry.checked(one, risk, paused, said) for one, said in zip(asked, consents, strict=True))
            # Side by side: each may wait for a vendor. One needs no task of its own.
            found = await together(each) if len(asked) > 1 else [await next(each)]
        with step("decide"):
            if not self.inquiry.counts(first, risk):
                return await recorded(desk, looked, asked, found, self._threads)
            # Whoever else of this worker asks must see what these took of a quota.
            async with self.inquiry.turn(first.portfolio):
                used = await self.inquiry.used(first, risk)
                found = [replace(one, used=used) for one in found]
                records = await recorded(desk, looked, asked, found, self._threads)
                self.inquiry.took([record for one, record in zip(asked, records, strict=True) if not one.again])
                return records

    async def _logged(self, records: Sequence[Record], until: float) -> list[Appended | BaseException]:
        """What became of each record; what is not logged counts for no quota."""
        outcomes: list[Appended | BaseException] = []
        place = 0
        try:
            seconds = self.log_seconds + MORE_SECONDS * len(records)
            async with asyncio.timeout_at(min(asyncio.get_running_loop().time() + seconds, until)):
                for place in range(0, len(records), PIECE):
                    piece = records[place : place + PIECE]
                    found = await self.log.append_all(piece)
                    self.inquiry.settled(piece, found)
                    outcomes += found
        except (asyncio.CancelledError, Exception) as error:
            # The log tells of a piece that is no longer waited for; else it took none of it in.
            told = PIECE if isinstance(error, asyncio.CancelledError | TimeoutError) else 0
            self._dropped(records[place + told :])
            if isinstance(error, asyncio.CancelledError) or not outcomes:
                raise
            # Those before stand in the log: their answers are given, lest anybody be told that nothing was decided.
            outcomes += [error] * (len(records) - place)
        return outcomes

    def _dropped(self, records: Sequence[Record]) -> None:
        self.inquiry.settled(records, [None] * len(records))

    async def _look_up(self, desk: Desk, asked: Sequence[Asked]) -> Permitted:
        first = asked[0]
        reading: Looked | asyncio.Future[Permitted] | asyncio.Future[Looked]
        if len(asked) == 1 and not purposes(desk.release.policy, first.kind):
            reading = self._lookups.look_up(desk, first.request.entity_id, first.at)
            if isinstance(reading, Looked):
                return Permitted(reading, [NO_CONSENTS])
        else:
            entities = [one.request.entity_id for one in asked]
            given = (desk, first.kind, entities, first.at, self.inquiry.consents)
            reading = asyncio.get_running_loop().run_in_executor(self._threads, look_up, *given)
        if not await in_time(reading, self.feature_seconds + MORE_SECONDS * (len(asked) - 1)):
            return late_permitted(desk, first.kind, len(asked))
        found = reading.result()
        return found if isinstance(found, Permitted) else Permitted(found, [NO_CONSENTS])

    async def _paused(self, portfolio: str, at: datetime) -> bool:
        looked, paused = self._looks.get(portfolio, (float("-inf"), False))
        if not self.replay and time.monotonic() - looked < PAUSE_SECONDS:
            return paused
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, self.pauses.active_pause, portfolio, at) is not None
        self._looks[portfolio] = (time.monotonic(), found)
        return found
