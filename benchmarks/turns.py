"""Several ways to do one thing, measured in turn."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Line
from benchmarks.machine import describe

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


def keep(path: Path, found: Mapping[str, object], lines: Sequence[Line]) -> None:
    """Write figures with the machine's description, and what README says of them."""
    path.parent.mkdir(exist_ok=True)
    content = {"machine": describe(), **found, "lines": [asdict(line) for line in lines]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
