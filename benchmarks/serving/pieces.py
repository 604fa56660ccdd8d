"""`python -m benchmarks.serving.pieces`: what each piece of an answer takes alone, one after the other, in one thread.

The second percentile of many calls, so that it can be measured beside other work: how fast a piece is when nothing
comes between. What waits (threads, commits to disk, the network) is measured by `python -m benchmarks.serving` instead.
"""

import argparse
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from rich.console import Console

from benchmarks.serving.world import PORTFOLIO, make_world
from serving.answers import answer_json, record_of
from serving.api.bodies import checked, read_json
from serving.api.schemas import DecisionRequest
from serving.asked import Asked
from serving.desk import Desk, now, open_desk
from serving.inquiry import Inquiry
from serving.log.decision_log import DecisionLog, open_log
from serving.log.entry import encode
from serving.log.keys import open_keys
from tests.servers import RedisServer

T = TypeVar("T")
CALLS = 2_000


class Clock:
    """Times of calls, by what is called."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}

    def __call__(self, name: str, work: Callable[..., T], *given: Any) -> T:
        """What `work` returns, timed."""
        began = time.perf_counter()
        found = work(*given)
        self.spent.setdefault(name, []).append(time.perf_counter() - began)
        return found

    def microseconds(self) -> dict[str, float]:
        """The second percentile of each."""
        return {name: 1e6 * sorted(times)[len(times) // 50] for name, times in self.spent.items()}


def answer(clock: Clock, desk: Desk, log: DecisionLog, inquiry: Inquiry, entity: int) -> None:
    """One answer, piece by piece."""
    body = b'{"entity_id": %d, "amount": 50000}' % entity
    request = clock("read and check the body", lambda: checked(DecisionRequest, read_json(body)))
    asked = Asked("benchmark", PORTFOLIO, "decision", request, now())
    looked = clock("read features", desk.look_up, [entity], asked.at)
    risk = desk.release.policy.risk
    found = clock("look up circumstances", lambda: _run(inquiry.circumstances(asked, risk, False)))
    decision = clock(
        "decide", lambda: desk.decide("decision", looked, application=asked.application, circumstances=found)
    )
    clock(
        "decide, by arrays (not on the way)",
        lambda: desk.decide_all("decision", looked, [asked.application], [found]).one(0),
    )
    record = clock("make the record", record_of, asked, desk, looked, decision, found)
    entry = clock("encode the record", encode, record)
    clock("seal what is personal", log.vault.seal, [entry])
    clock("make the answer", answer_json, record)


def main() -> None:
    """Time the pieces and print them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving.pieces", description=__doc__)
    parser.add_argument("--home", type=Path, help="keep the trained release here, to run again without training")
    given = parser.parse_args()
    console, clock = Console(highlight=False), Clock()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        redis = RedisServer(folder / "redis")
        redis.start()
        stack.callback(redis.stop)
        world = make_world((given.home or folder / "home").resolve(), redis.url, console.print)
        urls = {"registry": f"sqlite:///{world.home / 'feature_registry.db'}"}
        desk = open_desk(PORTFOLIO, world.release, online=f"sqlite:///{world.home / 'online_store.db'}", **urls)
        by_redis = open_desk(PORTFOLIO, world.release, online=redis.url, **urls)
        log = open_log(f"sqlite:///{folder / 'log.db'}", open_keys("", folder / "key"))
        stack.callback(log.close)
        for call in range(CALLS):
            entity = world.ids[call * 7 % len(world.ids)]
            answer(clock, desk, log, Inquiry(), entity)
            clock("read features, Redis", by_redis.look_up, [entity], now())
    for name, spent in clock.microseconds().items():
        console.print(f"{spent:6.0f} µs  {name}")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        found: T = end.value
        return found
    raise RuntimeError("it waits")


if __name__ == "__main__":
    main()
