"""Ways measured in turn, and results that say on what machine."""

import asyncio
import json
from pathlib import Path

from benchmarks.figures import Line
from benchmarks.machine import describe
from benchmarks.turns import in_turn, keep, timed


def test_every_other_round_goes_the_other_way_round() -> None:
    went: list[str] = []
    ways = {name: lambda name=name: went.append(name) for name in "ab"}
    found = in_turn(ways, rounds=3, before=lambda: went.append("-"))
    assert "".join(went) == "-a-b-b-a-a-b"
    assert found.keys() == {"a", "b"}


def test_a_result_names_the_machine_and_what_readme_says(tmp_path: Path) -> None:
    line = Line("a read", "≤ 1 ms", "0.5 ms", "–", "–", True)
    keep(tmp_path / "some.json", {"rounds": 3}, [line], describe())
    kept = json.loads((tmp_path / "some.json").read_text(encoding="utf-8"))
    assert kept["machine"]["cores"] >= 1
    assert {"processor", "memory_gib", "python", "feast", "date"} <= kept["machine"].keys()
    assert (kept["rounds"], Line(**kept["lines"][0])) == (3, line)


def test_a_read_that_came_too_late_is_no_sample() -> None:
    """The deadline was counted as what the read took."""

    async def read(customer: int) -> int | None:
        return customer if customer else None

    taken, late = asyncio.run(timed(read, [0, 1, 2]))
    assert (len(taken), late) == (2, 1)
    assert asyncio.run(timed(lambda customer: [customer], [0, 1]))[1] == 0
