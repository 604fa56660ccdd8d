"""README's table of figures, made from `benchmarks/results/*.json`: README says what was measured, and nothing else.

`python -m benchmarks.table` writes it anew, and docs/speed.md's tables; a test compares them.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.benches import BENCHES
from benchmarks.figures import Line
from benchmarks.pages import RESULTS, filled, markdown
from benchmarks.speed_tables import speed_tables

ROOT = Path(__file__).parents[1]
HEADINGS = ("what", "goal", "measured", "peer", "floor")


def lines(results: Path = RESULTS) -> list[Line]:
    """The lines of all results that are there, in the order of the benchmarks."""
    return [Line(**line) for found in _found(results) for line in found["lines"]]


def caption(results: Path = RESULTS) -> str:
    """When the figures were measured, on what, and how busy it was before: a busy machine changes every rate."""
    found = _found(results)
    machines = [machine for one in found for machine in _machines(one)]
    days, loads = ([one[name] for one in machines] for name in ("date", "load_before"))
    wholes = {"{cores} cores of {processor}, {memory_gib} GiB".format(**one["machine"]) for one in found}
    when, load = _range(sorted(days)), _range([f"{one:.1f}" for one in sorted(loads)])
    return f"Measured {when} on {' and on '.join(sorted(wholes))}; load before: {load}."


def _range(values: list[str]) -> str:
    """The first and the last, or the one there is."""
    return values[0] if values[0] == values[-1] else f"{values[0]} to {values[-1]}"


def _found(results: Path) -> list[dict[str, Any]]:
    files = (results / f"{name}.json" for bench in BENCHES for name in bench.results)
    return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]


def _machines(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of the whole, and of each part that was measured in a run of its own."""
    sizes = found.get("sizes", [])
    parts = [found, found.get("book", {}), *(sizes.values() if isinstance(sizes, dict) else sizes)]
    return [part["machine"] for part in parts if "machine" in part]


def rendered(found: Iterable[Line]) -> str:
    """Markdown; what missed its goal says so."""
    return markdown([HEADINGS, *map(_cells, found)])


def pages() -> dict[Path, dict[str, str]]:
    """The pages, and the tables of each by their marks."""
    return {
        ROOT / "README.md": {"figures": f"{rendered(lines())}\n\n{caption()}"},
        ROOT / "docs" / "speed.md": speed_tables(),
    }


def shown(found: Iterable[Line]) -> Table:
    """The same for a terminal."""
    table = Table(*HEADINGS, box=None)
    for line in found:
        table.add_row(*_cells(line), style="" if line.reached else "red")
    return table


def _cells(line: Line) -> tuple[str, ...]:
    measured = line.measured if line.reached else f"{line.measured}, **missed**"
    return line.what, line.goal, measured, line.peer, line.floor


def main() -> int:
    """Print README's table, and put all of them into their pages."""
    Console(highlight=False).print(shown(lines()), caption(), sep="\n")
    for page, tables in pages().items():
        page.write_text(filled(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
