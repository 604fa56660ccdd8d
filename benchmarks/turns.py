"""Several ways to do one thing, measured in turn."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Line

Way = Callable[[], Any]


def in_turn(ways: Mapping[str, Way], rounds: int, before: Way = lambda: None) -> dict[str, float]:
    """Seconds of each way, medians of the rounds; the order is reversed every other round, `before` is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in list(ways)[:: 1 if turn % 2 == 0 else -1]:
            before()
            began = time.perf_counter()
            ways[name]()
            taken[name].append(time.perf_counter() - began)
    return {name: median(seconds) for name, seconds in taken.items()}


async def timed(read: Callable[[int], Any], asked: Sequence[int]) -> tuple[list[float], int]:
    """Milliseconds of each read that was answered, and how many came too late."""
    taken, late = [], 0
    for customer in asked:
        began = time.perf_counter()
        found = read(customer)
        if asyncio.iscoroutine(found):
            found = await found
        if found is None:
            late += 1
        else:
            taken.append((time.perf_counter() - began) * 1000)
    return taken, late


def keep(path: Path, found: Mapping[str, object], lines: Sequence[Line], machine: Mapping[str, object]) -> None:
    """Write figures with the `machine` as it was described before they were measured, and what README says of them."""
    path.parent.mkdir(exist_ok=True)
    content = {"machine": machine, **found, "lines": [asdict(line) for line in lines]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
