"""A release is rehearsed before it is served: the store is waited for, a little, and nothing else is."""

from pathlib import Path

import pytest

from features.store.failures import OnlineStoreError, OnlineStoreSilent
from features.store.online import OnlineRows
from serving.desk import Desk, DeskError, Reader
from serving.release import load_release
from tests.serving.small_releases import build_small, fresh_reader


class Reluctant(Reader):
    """A store that fails so many times before it answers."""

    def __init__(self, failures: int, fault: Exception) -> None:
        self.left, self.asked, self.fault = failures, 0, fault

    def read(self, keys: object) -> OnlineRows:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise self.fault
        return fresh_reader().read([1])


SLOW = OnlineStoreSilent("online store does not answer: Timeout reading from 127.0.0.1:6379")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / build_small(tmp_path)


def test_a_store_that_answers_late_is_waited_for(folder: Path) -> None:
    reader = Reluctant(2, SLOW)
    Desk(load_release(folder), reader).rehearse(patience=60)
    assert reader.asked == 3


def test_a_store_that_never_answers_is_told(folder: Path) -> None:
    reader = Reluctant(10**6, SLOW)
    with pytest.raises(DeskError, match=r"cannot be read online.*check that the online store runs"):
        Desk(load_release(folder), reader).rehearse(patience=0.0)
    assert reader.asked <= 2


@pytest.mark.parametrize("fault", [ValueError("no such column"), OnlineStoreError("no such table; run materialize")])
def test_what_no_patience_mends_is_told_at_once(folder: Path, fault: Exception) -> None:
    reader = Reluctant(1, fault)
    with pytest.raises(DeskError, match="no such"):
        Desk(load_release(folder), reader).rehearse(patience=60)
    assert reader.asked == 1
