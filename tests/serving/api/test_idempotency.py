"""Asked, repeated, cut short, erased, restarted, in whatever order: one record a key, and one answer a key.

What the machine is able to find was tried on faults put in by hand, each within the twelve runs of one test (2026-11):
what was asked is not compared; the portfolio is left out of what is compared; keys are not a partner's own, those of
batches neither; only the last few keys are looked up; answered before it is on disk, also when that fails; the second
decision is answered with, not the first; one key twice in one commit; any batch may use a batch's key; the key of an
item of a batch is one that a caller can send; an erased decision is taken for a match. Four of them
were found by luck only, until `ask_again` was there and there were two portfolios of one kind. A log that forgets to
ask whether the person was erased is no fault: what such a record was asked is gone, and matches nothing.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from serving.api.schemas import DecisionAnswer, PropensityAnswer
from serving.log.act import deed
from serving.log.database import LogUnavailable, Session, Staged
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.pointers import write_pointer
from tests.servers import new_database
from tests.serving.api.worker import DECISIONS, PROPENSITIES, Worker
from tests.serving.small_releases import CAMPAIGN, PORTFOLIO, build_small

T = TypeVar("T")
Fault = Literal["before", "after", "slow"]
OTHER = "other_cards"  # asked for the very same as the first, and answered by the same model
ELSEWHERE = f"/v1/portfolios/{OTHER}/decisions"
PATIENCE = 60.0  # seconds; a machine that stands still for some must not fail the test
ANSWER = {DECISIONS: DecisionAnswer, ELSEWHERE: DecisionAnswer, PROPENSITIES: PropensityAnswer}
PLACE = {DECISIONS: PORTFOLIO, ELSEWHERE: OTHER, PROPENSITIES: CAMPAIGN}


class Failing:
    """The log's database, whose next commit fails before or after it is on disk, or takes too long."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self.fault: Fault | None = None
        self.hurry, self.written = threading.Event(), threading.Event()

    def write(self, work: Callable[[Session], T]) -> T:
        return self._faulty(self._next(), lambda: self._database.write(work))

    def stage(self, work: Callable[[Session], T]) -> Staged[T] | None:
        if self.fault == "before":
            self._next()
        staged = self._database.stage(work)
        if staged is None:
            return None
        fault = self._next()
        return Staged(staged.result, lambda: self._faulty(fault, staged.commit), staged.undo)

    def _next(self) -> Fault | None:
        fault, self.fault = self.fault, None
        if fault == "before":
            raise LogUnavailable("disk full")
        return fault

    def _faulty(self, fault: Fault | None, work: Callable[[], T]) -> T:
        if fault == "slow":
            self.hurry.wait(PATIENCE)
        found = work()
        self.written.set()
        if fault == "after":
            raise LogUnavailable("the connection was lost")
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@dataclass(frozen=True)
class Wish:
    """What is asked."""

    path: str
    entity: int
    amount: int | None

    @property
    def body(self) -> dict[str, Any]:
        return {"entity_id": self.entity, **({"amount": self.amount} if self.amount else {})}

    @property
    def person(self) -> tuple[str, int]:
        return PLACE[self.path], self.entity


@dataclass
class Held:
    """What a key was used for: the answer is not known to the caller while it was only committed."""

    wish: Wish
    answer: bytes | None = None
    erased: bool = False


def wish_for(path: str, entity: int, amount: int) -> Wish:
    return Wish(path, entity, None if path == PROPENSITIES else amount)


paths = st.sampled_from(sorted(ANSWER))
wishes = st.builds(wish_for, paths, st.sampled_from((1, 2)), st.sampled_from((7, 8)))
partners = st.sampled_from(("shop", "other"))
KEYS = ("a", "b", "c")
keys = st.sampled_from(KEYS)
faults = st.sampled_from((None, None, "before", "after", "slow"))
item = st.tuples(st.sampled_from((1, 2)), st.sampled_from((7, 8)), st.one_of(st.none(), keys))


class Machine(RuleBasedStateMachine):
    """A worker, two partners, and a model of what each key must be answered with."""

    def __init__(self, releases: Path, shas: list[str], url: str = "") -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.worker = Worker(Path(self.folder.name), url=url, releases=releases)
        self.worker.seconds = PATIENCE
        self.shas = shas
        self.tokens = {"shop": self.worker.key, "other": self.worker.partner("other", "decide,propensity", "*")}
        self.held: dict[tuple[str, str], Held] = {}
        self.batches: dict[tuple[str, str], Any] = {}
        self.alive: set[tuple[str, int]] = set()
        self.taken = False  # whether what was asked with a fault is logged
        self.records = self.begun = self.worker.log.head().records
        self.runner = asyncio.Runner()
        self._open()

    def _open(self) -> None:
        self.database = self.worker.log._database = Failing(self.worker.log._database)

        async def enter() -> None:
            self.stack = AsyncExitStack()
            self.clerk = await self.stack.enter_async_context(self.worker.opened())
            transport = httpx.ASGITransport(self.worker.app(self.clerk))
            self.client = await self.stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://service")
            )

        self.runner.run(enter())

    def _send(self, partner: str, path: str, body: Any, key: str | None, fault: Fault | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[partner]}", **({"Idempotency-Key": key} if key else {})}

        async def send() -> httpx.Response:
            self.database.fault = fault
            self.clerk.log_seconds = 0.02 if fault == "slow" else PATIENCE
            self.database.hurry.clear()
            self.database.written.clear()
            response = await self.client.post(path, json=body, headers=headers)
            begun, self.database.fault = self.database.fault is None, None
            if fault == "slow":
                self.database.hurry.set()
                if begun:
                    assert await asyncio.to_thread(self.database.written.wait, PATIENCE)
                else:  # time was up before the commit began: the record waits still, or never will
                    await self.clerk.log.append(deed("staff", "wait", "ann", datetime.now(UTC), {}))
                    self.records += 1
            self.taken = fault != "before" and (begun or self.worker.log.head().records > self.records)
            return response

        return self._run(send())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @precondition(lambda self: self.used())
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """What faults of idempotency show in, and what else would seldom come about: a key that was used before."""
        erased = [slot for slot in self.used() if self.held[slot].erased]
        partner, key = data.draw(st.sampled_from(erased or self.used()) | st.sampled_from(self.used()))
        before = self.held[partner, key].wish
        elsewhere = replace(before, path={DECISIONS: ELSEWHERE, ELSEWHERE: DECISIONS}.get(before.path, before.path))
        self.ask(partner, key, data.draw(st.one_of(st.just(before), st.just(elsewhere), wishes)), None)

    def used(self) -> list[tuple[str, str]]:
        """The keys that a caller has sent, but for those of batches, which nobody can send for one."""
        return [slot for slot in self.held if slot[1] in KEYS]

    @rule(partner=partners, key=st.one_of(st.none(), keys), wish=wishes, fault=faults)
    def ask(self, partner: str, key: str | None, wish: Wish, fault: Fault | None) -> None:
        response = self._send(partner, wish.path, wish.body, key, fault)
        slot = (partner, key or os.urandom(8).hex())
        if fault is not None:
            assert response.status_code == 503
            if self.taken:
                self._hold(slot, wish)
        elif self._fits(slot, wish):
            assert response.status_code == 200, response.text
            self._answered(self._hold(slot, wish), response.content)
        else:
            assert response.status_code == 422
            assert response.json()["errors"][0]["field"] == "Idempotency-Key"

    @rule(partner=partners, key=st.one_of(st.none(), keys), path=paths, items=st.lists(item, min_size=1, max_size=3),
          fault=faults)  # fmt: skip
    def ask_many(self, partner: str, key: str | None, path: str, items: Any, fault: Fault | None) -> None:
        asked = [(wish_for(path, entity, amount), own) for entity, amount, own in items]
        body = {"items": [{**wish.body, **({"idempotency_key": own} if own else {})} for wish, own in asked]}
        response = self._send(partner, f"{path}:batch", body, key, fault)
        if key and self.batches.setdefault((partner, key), (path, body)) != (path, body):
            assert response.status_code == 422
            assert response.json()["errors"][0]["field"] == "Idempotency-Key"
            return
        slots = [(partner, own or (f"{key} {place}" if key else os.urandom(8).hex()))
                 for place, (_, own) in enumerate(asked)]  # fmt: skip
        if fault is not None:
            refused = [one["status"] for one in response.json().get("results", [])] or [response.status_code]
            assert set(refused) == {503}
            for slot, (wish, _) in zip(slots, asked, strict=True):
                if self.taken and self._fits(slot, wish):
                    self._hold(slot, wish)
            return
        results = response.json()["results"]
        for slot, (wish, _), result in zip(slots, asked, results, strict=True):
            if not self._fits(slot, wish):
                assert result["status"] == 422
                continue
            answer = ANSWER[path].model_validate(result["answer"]).model_dump_json().encode()
            assert answer in response.content
            self._answered(self._hold(slot, wish), answer)

    def _fits(self, slot: tuple[str, str], wish: Wish) -> bool:
        """Whether a key is free, or was used for the same and can be answered again."""
        held = self.held.get(slot)
        return held is None or (held.wish == wish and not held.erased)

    def _hold(self, slot: tuple[str, str], wish: Wish) -> Held:
        if slot not in self.held:
            self.held[slot] = Held(wish)
            self.alive.add(wish.person)
            self.records += 1
        return self.held[slot]

    def _answered(self, held: Held, answer: bytes) -> None:
        assert held.answer in (None, answer)
        held.answer = answer

    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        nobody = [(portfolio, entity) for portfolio in PLACE.values() for entity in (1, 2)]
        person = data.draw(st.sampled_from(sorted(self.alive) or nobody) | st.sampled_from(nobody))
        act = Erasure(person[0], str(person[1]), "ann", "asked for it", datetime.now(UTC), os.urandom(RANDOM_BYTES))
        assert (self.worker.log.erase(act) is not None) == (person in self.alive)
        self.records += person in self.alive
        self.alive.discard(person)
        for held in self.held.values():
            held.erased |= held.wish.person == person

    @rule(which=st.sampled_from((0, 1)))
    def swap(self, which: int) -> None:
        write_pointer(self.worker.releases, PORTFOLIO, self.shas[which])
        self.clerk.runtime.refresh()

    @precondition(lambda self: self.records > self.begun)
    @rule()
    def restart(self) -> None:
        self._run(self.stack.aclose())
        self.worker.reopen()
        self._open()

    @invariant()
    def holds(self) -> None:
        checked = self.worker.log.verify()
        assert checked.valid, checked.broken
        assert checked.head.records == self.records
        for (partner, key), held in self.held.items():
            if len(key) < 16:  # not one that stands for none
                record = self.worker.log.find_key(partner, key)
                assert record is not None
                assert record.erased == held.erased

    def teardown(self) -> None:
        self._run(self.stack.aclose())
        self.runner.close()
        self.worker.close()
        self.folder.cleanup()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    releases = tmp_path_factory.mktemp("releases")
    write_pointer(releases, OTHER, build_small(releases, portfolio=OTHER))
    return releases, [build_small(releases, slope=slope) for slope in (1.0, 1.1)]


def test_one_record_and_one_answer_a_key(built: tuple[Path, list[str]]) -> None:
    run_state_machine_as_test(
        lambda: Machine(*built), settings=settings(max_examples=12, stateful_step_count=25, deadline=None)
    )


@pytest.mark.integration
def test_the_same_on_postgres(built: tuple[Path, list[str]], postgres_url: str) -> None:
    run_state_machine_as_test(
        lambda: Machine(*built, new_database(postgres_url)),
        settings=settings(max_examples=4, stateful_step_count=20, deadline=None),
    )
