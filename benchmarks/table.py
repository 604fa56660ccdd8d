"""README's table of figures, made from `benchmarks/results/*.json`: README says what was measured, and nothing else.

`python -m benchmarks.table` writes it anew; a test compares the two.
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

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
HEADINGS = ("what", "goal", "measured", "peer", "floor")


def lines(results: Path = RESULTS) -> list[Line]:
    """The lines of all results that are there, in the order of the benchmarks."""
    return [Line(**line) for found in _found(results) for line in found["lines"]]


def caption(results: Path = RESULTS) -> str:
    """When the figures were measured, on what, and how busy it was before: a busy machine changes every rate."""
    machines = [machine for found in _found(results) for machine in _machines(found)]
    days, loads = ([one[name] for one in machines if name in one] for name in ("date", "load_before"))
    whole: dict[str, Any] = next((one for one in reversed(machines) if "memory_gib" in one), {})
    when = min(days) if min(days) == max(days) else f"{min(days)} to {max(days)}"
    on = f"{whole.get('cores')} cores of {whole.get('processor')}, {whole.get('memory_gib')} GiB"
    return f"Measured {when} on {on}; load before: {min(loads):.1f} to {max(loads):.1f}."


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
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *map(_cells, found)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def replaced(readme: str, table: str) -> str:
    """README with the table between its marks."""
    head, mark, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"README.md: found no {BEGIN} … {END}, expected both, each on a line of its own")
    return f"{head}{BEGIN}\n{table}\n{END}{tail}"


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
    """Print the table, and put it into README."""
    readme, found = ROOT / "README.md", lines()
    Console(highlight=False).print(shown(found), caption(), sep="\n")
    written = replaced(readme.read_text(encoding="utf-8"), f"{rendered(found)}\n\n{caption()}")
    readme.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
