"""What quotas know of the log: nothing that was not read, and nobody waits for another portfolio."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from serving import quotas
from serving.log.database import LogUnavailable, Session, open_database
from serving.log.decision_log import DecisionLog
from serving.log.entry import encode
from serving.log.vault import SealBroken, Vault
from serving.policy import Quota
from serving.quotas import QuotaCounts
from serving.reviews.board import Ruling
from tests.serving.log.examples import START, make_record
from tests.serving.reviews.desk import ANN, LATER, opened, release

CARDS, DAY = "taiwan_cards", START.date()
DAILY = (Quota(id="daily", of="approvals", each="day", at_most=9),)
T = TypeVar("T")


class Losing:
    """The log's database, of which some reads are lost."""

    def __init__(self, url: str) -> None:
        self.whole = open_database(url)
        self.lost: set[int] = set()  # places of reads
        self.reads = 0
        self.gate, self.reading = threading.Event(), threading.Event()
        self.slow = False

    def read(self, work: Callable[[Session], T]) -> T:
        self.reads += 1
        if self.reads in self.lost:
            raise LogUnavailable("the connection is gone")
        if self.slow:
            self.slow = False
            self.reading.set()
            self.gate.wait(10)
        return self.whole.read(work)

    def close(self) -> None:
        self.whole.close()


@pytest.fixture
def database(url: str, log: DecisionLog) -> Iterator[Any]:
    found = Losing(url)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _looked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "LOOK_SECONDS", 0.0)


def commit(log: DecisionLog, *seconds: int, **changes: Any) -> None:
    log.commit([encode(make_record(second, **changes)) for second in seconds])


def test_a_row_whose_read_was_lost_is_looked_at_again(url: str, database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "STALE_SECONDS", 60.0)
    with opened(url) as desk:
        counts = QuotaCounts(database, desk.log.vault)
        commit(desk.log, 0)
        assert counts.used(CARDS, DAILY, DAY) == {"daily": 1}
        commit(desk.log, 1)
        case = desk.board.claim(desk.board.of(desk.decision(5)), ANN, release(), LATER)
        desk.board.decide(case, ANN, release(), LATER, Ruling(500.0, "payslips seen"))
        database.lost = {database.reads + 2}  # what the people's approval was about
        assert counts.used(CARDS, DAILY, DAY) == {"daily": 2}
        assert counts.used(CARDS, DAILY, DAY) == {"daily": 3}
        assert counts.used(CARDS, DAILY, DAY) == {"daily": 3}


def test_what_cannot_be_opened_leaves_a_quota_unknown(
    database: Any, log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "STALE_SECONDS", 60.0)
    counts = QuotaCounts(database, log.vault)
    commit(log, 0)
    opening = Vault.open

    def broken(*_: Any) -> Any:
        raise SealBroken("record 1: its key opens nothing")

    monkeypatch.setattr(Vault, "open", broken)
    assert counts.used(CARDS, DAILY, DAY) == {}
    monkeypatch.setattr(Vault, "open", opening)
    assert counts.used(CARDS, DAILY, DAY) == {"daily": 1}
    monkeypatch.setattr(Vault, "open", broken)
    commit(log, 1)
    assert counts.used(CARDS, DAILY, DAY) == {"daily": 1}  # no older than it may be
    monkeypatch.setattr(quotas, "STALE_SECONDS", 0.05)
    time.sleep(0.06)
    assert counts.used(CARDS, DAILY, DAY) == {}
    monkeypatch.setattr(Vault, "open", opening)
    monkeypatch.setattr(quotas, "STALE_SECONDS", 60.0)  # the look may take longer where much else is done
    assert counts.used(CARDS, DAILY, DAY) == {"daily": 2}


def test_a_slow_read_of_one_portfolio_holds_up_no_other_and_never_an_event_loop(
    database: Any, log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "LOOK_SECONDS", 60.0)
    counts = QuotaCounts(database, log.vault)
    commit(log, 0)
    commit(log, 1, 2, portfolio="loans")
    assert counts.used("loans", DAILY, DAY) == {"daily": 2}
    database.slow = True
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(counts.used, CARDS, DAILY, DAY)
        assert database.reading.wait(10)
        began = time.monotonic()
        assert counts.ready(CARDS, DAILY, DAY) is None
        assert counts.ready("loans", DAILY, DAY) == {"daily": 2}
        assert counts.used("loans", DAILY, DAY) == {"daily": 2}
        assert counts.used("leases", DAILY, DAY) == {"daily": 0}
        assert time.monotonic() - began < quotas.STALE_SECONDS
        monkeypatch.setattr(quotas, "STALE_SECONDS", 0.05)
        assert counts.used(CARDS, DAILY, DAY) == {}  # whose read it is waits, but not for ever
        monkeypatch.setattr(quotas, "STALE_SECONDS", 60.0)
        database.gate.set()
        assert reading.result() == {"daily": 1}
    assert counts.ready(CARDS, DAILY, DAY) == {"daily": 1}
