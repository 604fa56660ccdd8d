"""A worker of the tests: takes of a partner's quota, then as many slots as it gets; holds these until it is told."""

import asyncio
import sys

from serving.partners.limits import open_limits
from serving.partners.partner import make_partner


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


async def work(url: str, at: float) -> None:
    limits, partner = open_limits(url), make_partner("shop", "decide", "*", "500/h", 10)
    taken = [await limits.quotas.take(partner, at) for _ in range(400)].count(None)
    say(taken)
    entered = 0
    for _ in range(40):  # longer than a full house is remembered
        entered += await limits.slots.enter(partner)
        await asyncio.sleep(0.01)
    say(entered)
    if await asyncio.to_thread(sys.stdin.readline) == "leave\n":
        for _ in range(entered):
            limits.slots.leave(partner)
        await limits.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], float(sys.argv[2])))
