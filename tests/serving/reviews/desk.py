"""What tests of reviews need: a log, a board, people, and decisions that wait for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from serving.log.decision_log import DecisionLog, open_log
from serving.log.keys import KeyRing
from serving.log.record import Record
from serving.policy import Reviews
from serving.reviews.board import Board, open_board
from serving.staff.member import Member, make_member
from tests.serving.lender import Release, policy
from tests.serving.log.examples import START, make_record
from tests.serving.log.keyring import KEYS

CARDS = "taiwan_cards"
ANN, BOB, EVE = (make_member(name, "reviewer", CARDS) for name in ("ann", "bob", "eve"))
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LATER = START + MINUTE


@dataclass
class Desk:
    log: DecisionLog
    board: Board

    def decision(self, second: int = 0, people: int = 1, **changes: Any) -> Record:
        """A decision that waits for people."""
        offer = {"limit": 0, "confirmations": people}
        given: dict[str, Any] = {"outcome": "review", "score": 48.0, "grade": "D", "offer": offer}
        return self.log.append(make_record(second, **(given | changes))).record


def release(**terms: Any) -> Release:
    """A release whose policy has these terms of reviews."""
    return Release("a" * 64, policy().model_copy(update={"reviews": Reviews(**terms)}))


@contextmanager
def opened(url: str, keys: KeyRing = KEYS) -> Iterator[Desk]:
    log = open_log(url, keys)
    board = open_board(url, log)
    try:
        yield Desk(log, board)
    finally:
        board.close()
        log.close()


def someone(name: str, roles: str = "reviewer", portfolios: str = CARDS) -> Member:
    return make_member(name, roles, portfolios)
