"""A worker of its own: `python -m tests.serving.log.writer URL KEYS COUNT` appends and prints what was acknowledged.

Each line is the idempotency key and the id of the decision that answers it.
"""

import asyncio
import sys
from collections.abc import Iterator

from serving.log.batcher import Batcher
from serving.log.decision_log import open_log
from tests.serving.log.examples import make_record
from tests.serving.log.keyring import KEYS

CLIENTS = 40


async def write(url: str, keys: str, count: int) -> None:
    """Append `count` records under `keys`-0, `keys`-1, …, forty at a time."""
    log = open_log(url, KEYS)
    numbers = iter(range(count))
    async with Batcher(log) as batcher:
        await asyncio.gather(*(_client(batcher, keys, numbers) for _ in range(CLIENTS)))
    log.close()


async def _client(batcher: Batcher, keys: str, numbers: Iterator[int]) -> None:
    for number in numbers:
        key = f"{keys}-{number}"
        answer = await batcher.append(make_record(number, idempotency_key=key, request_digest="d"))
        sys.stdout.write(f"{key} {answer.record.decision_id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
