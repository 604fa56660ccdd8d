"""README's table of figures, made from `benchmarks/results/*.json`: README says what was measured, and nothing else.

`python -m benchmarks.table` writes it anew, and that of docs/speed.md's online reads; a test compares the two.
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
from benchmarks.pages import filled

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
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
    return _lines([HEADINGS, tuple("---" for _ in HEADINGS), *map(_cells, found)])


def online(results: Path = RESULTS) -> str:
    """The table of docs/speed.md: one customer read from each store, by each way, and when that was."""
    found = json.loads((results / "online_reads.json").read_text(encoding="utf-8"))
    stores = [name for name, one in found.items() if isinstance(one, dict) and name != "machine"]
    ways = list(dict.fromkeys(way for store in stores for way in found[store]))
    rows = [("", *(f"{store}, ms" for store in stores)), ("---",) * (len(stores) + 1)]
    rows += [(way, *(_p50(found[store].get(way)) for store in stores)) for way in ways]
    machine = found["machine"]
    told = f"p50 of {found['calls']} reads, medians of {found['rounds']} rounds"
    return f"{_lines(rows)}\n\n{told} ({machine['date']}, load before {machine['load_before']:.1f})."


def _p50(one: Mapping[str, float] | None) -> str:
    return f"{one['p50_ms']:.2f}" if one else ""


def _lines(rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def pages() -> dict[Path, dict[str, str]]:
    """The pages, and the tables of each by their marks."""
    return {
        ROOT / "README.md": {"figures": f"{rendered(lines())}\n\n{caption()}"},
        ROOT / "docs" / "speed.md": {"online_reads": online()},
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
