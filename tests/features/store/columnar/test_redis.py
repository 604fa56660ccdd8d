"""Replies to commands that are sent in batches: each is counted once, however they come."""

from types import SimpleNamespace

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from features.store.columnar.redis import RedisRefused, _Replies


def connection(*received: bytes) -> SimpleNamespace:
    """One whose socket gives these, one after the other, and is closed then."""
    left = iter([*received, b""])
    return SimpleNamespace(_sock=SimpleNamespace(recv=lambda _: next(left)))


def test_replies_of_the_next_batch_count_there_and_lines_may_come_in_pieces() -> None:
    replies = _Replies(connection(b":4\r\n:4\r", b"\n:4\r\n:", b"4\r\n"))
    replies.take(2)
    replies.take(1)
    replies.take(1)
    with pytest.raises(RedisConnectionError, match="closed the connection"):
        replies.take(1)


def test_an_error_is_told_by_its_text() -> None:
    with pytest.raises(RedisRefused, match="WRONGTYPE no hash"):
        _Replies(connection(b":4\r\n-WRONGTYPE no hash\r\n:4\r\n")).take(1)
