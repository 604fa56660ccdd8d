"""Training sets by `get_historical_features`: our offline store beside Feast's, and beside one bare join.

The floor is an ASOF join of DuckDB's on the same files, which knows of no Feast, no TTL and no late rows; the data has
none, so that all rows must be equal. `python -m benchmarks.training_sets [--rows 100_000] [--rounds 5]`: observations,
and six times as many feature rows of 40 features, in one view and in four. From a million observations on, each way
has a process of its own that is watched for memory, the answers are compared by sums over all values, and Feast's
file store is tried once, as it takes hours or all memory. Results go to `benchmarks/results/training_sets.json` and
`training_sets_large.json`.
"""

import json
import subprocess
import sys
import tempfile
import time
import warnings
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Line
from benchmarks.machine import available_gib, describe
from benchmarks.training_joins import DUCKDB, FEAST_FILE, FEATURES, MONTHS, OURS, Contest, answer, differ, sums
from benchmarks.turns import in_turn, keep

RESULTS = Path(__file__).parent / "results"
LARGE = 1_000_000
KINDS = {"1 view": 1, "4 views": 4}
SPARE_GIB = 4
"""What has to stay free for others."""
PATIENCE = 1_800
"""Seconds after which a way is given up."""
console = Console(highlight=False)


def small(folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Seconds of every way, in one view and in four, with all answers compared."""
    found: dict[str, Any] = {}
    for kind, views in KINDS.items():
        contest = Contest(folder / str(views), rows, views)
        contest.write()
        ways = contest.ways()
        expected = answer(ways[OURS]())
        lost = {name: differ(name, answer(way()), expected) for name, way in ways.items()}
        found[kind] = in_turn(ways, rounds)
        found[f"observations lost, {kind}"] = {name: rows for name, rows in lost.items() if rows}
    return found


def large(folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Seconds and peak memory of ours and of DuckDB's join in turn, and what became of Feast's file store."""
    found: dict[str, Any] = {"peak_gib": {}, "runs": {}, "unfinished": {}}
    for kind, views in KINDS.items():
        with tempfile.TemporaryDirectory(dir=folder) as place:  # the disk is needed for the next
            contest = Contest(Path(place), rows, views)
            contest.write()
            console.print(f"{kind}: written {sum(file.stat().st_size for file in Path(place).iterdir()) / 1e9:.1f} GB")
            runs: dict[str, list[dict[str, Any]]] = {OURS: [], DUCKDB: []}
            for turn in range(rounds):
                for name in list(runs)[:: 1 if turn % 2 == 0 else -1]:
                    runs[name].append(_watched(Path(place), rows, views, name))
                    _tell(name, runs[name][-1])
            try:
                runs[FEAST_FILE] = [_watched(Path(place), rows, views, FEAST_FILE)]
                _tell(FEAST_FILE, runs[FEAST_FILE][0])
            except Unfinished as fault:
                console.print(f"{FEAST_FILE}: {fault}")
                found["unfinished"][kind] = {FEAST_FILE: {"seconds": round(fault.seconds), "why": str(fault)}}
        _equal(runs, rows)
        found[kind] = {name: median(run["seconds"] for run in some) for name, some in runs.items()}
        found["peak_gib"][kind] = {name: max(run["peak_gib"] for run in some) for name, some in runs.items()}
        found["runs"][kind] = {name: [round(run["seconds"], 1) for run in some] for name, some in runs.items()}
    return found


def _tell(name: str, run: Mapping[str, Any]) -> None:
    console.print(f"{name}: {run['seconds']:.0f} s, peak {run['peak_gib']:.1f} GiB")


def _equal(runs: Mapping[str, list[dict[str, Any]]], rows: int) -> None:
    reference = runs[OURS][0]["sums"]
    for name, some in runs.items():
        for run in some:
            for feature, (missing, total) in run["sums"].items():  # Feast's are not told: it loses rows, see `differ`
                expected = reference[feature]
                if missing != expected[0] or abs(total - expected[1]) > 1e-9 * rows * 1009:
                    raise AssertionError(f"{name}, {feature}: found {missing, total}, expected {expected}")


class Unfinished(Exception):
    """A way that this machine has not the memory or the patience for, and how long it was given."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(f"ended after {seconds:.0f} s, as {why}")
        self.seconds = seconds


def _watched(folder: Path, rows: int, views: int, name: str) -> dict[str, Any]:
    """One way in a process of its own, ended when others would be left without memory."""
    asked = {"--rows": rows, "--folder": folder, "--views": views, "--way": name}
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        __spec__.name,
        *(str(one) for pair in asked.items() for one in pair),
    ]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            taken = time.monotonic() - began
            if available_gib() < SPARE_GIB or taken > PATIENCE:
                process.kill()
                short = f"less than {SPARE_GIB} GiB of memory were left"
                raise Unfinished(short if taken <= PATIENCE else "nothing had come", taken)
            time.sleep(0.2)
        assert process.stdout is not None
        output = process.stdout.read()
    if process.returncode < 0:
        raise Unfinished("the system killed it", time.monotonic() - began)
    if process.returncode:
        raise RuntimeError(f"{name}: ended with {process.returncode}")
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def _alone(folder: Path, rows: int, views: int, name: str) -> None:
    import resource

    way = Contest(folder, rows, views).ways()[name]
    began = time.perf_counter()
    found = way()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    told = {"seconds": seconds, "peak_gib": peak, "sums": {} if name == FEAST_FILE else sums(found)}
    print(json.dumps(told))  # noqa: T201 - read by who started it


def show(title: str, seconds: Mapping[str, float]) -> None:
    """A table: seconds, times the floor, times the file store."""
    table = Table(title, "s", "of bare DuckDB", box=None)
    for name, taken in seconds.items():
        table.add_row(name, f"{taken:.2f}", f"{taken / seconds[DUCKDB]:.2f}")
    console.print(table, "")


def lines(found: Mapping[str, Any], rows: int) -> list[Line]:
    """What README says."""
    made = []
    for kind in KINDS:
        seconds = found[kind]
        ours, bare, peer = seconds[OURS], seconds[DUCKDB], seconds.get(FEAST_FILE)
        reached = ours <= 1.5 * bare and (peer is None or peer >= 3 * ours)
        peak = found["peak_gib"][kind][OURS] if "peak_gib" in found else 0
        memory = f", {peak:.1f} GiB" if peak else ""
        ended = found.get("unfinished", {}).get(kind, {}).get(FEAST_FILE)
        gone = f"Feast's file store {ended['why']} (> {ended['seconds'] / ours:.1f} ×)" if ended else "–"
        made.append(
            Line(
                f"training set, {rows:,} × {rows * MONTHS:,} rows × {FEATURES} features in {kind}",
                "≤ 1.5 × bare ASOF, " + ("< 16 GiB" if peak else "≥ 3 × Feast's file store"),
                f"{ours:.2f} s{memory}" if ours < 10 else f"{ours:.0f} s{memory}",
                f"{peer:.2f} s ({peer / ours:.1f} ×)" if peer else gone,
                f"{bare:.2f} s (ours {ours / bare:.2f} ×)" if bare < 10 else f"{bare:.0f} s (ours {ours / bare:.2f} ×)",
                reached and peak < 16,
            )
        )
    return made


def main() -> int:
    """Measure, print and keep."""
    warnings.simplefilter("ignore")  # Dask's, ibis' and DuckDB's own
    asked = ArgumentParser(prog="python -m benchmarks.training_sets", description=__doc__)
    asked.add_argument("--rows", type=int, default=100_000, help="observations")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--folder", type=Path, help="where the files go; none: the place of temporary ones")
    asked.add_argument("--way", help="internal: measure one way on files that are there, of so many --views")
    asked.add_argument("--views", type=int, default=1)
    given = asked.parse_args()
    if given.way:
        _alone(given.folder, given.rows, given.views, given.way)
        return 0
    machine = describe()
    with tempfile.TemporaryDirectory() as place:
        measure = large if given.rows >= LARGE else small
        found = measure(given.folder or Path(place), given.rows, given.rounds)
    for kind in KINDS:
        show(f"{given.rows:,} observations, {given.rows * MONTHS:,} rows, {kind}", found[kind])
    name = "training_sets_large.json" if given.rows >= LARGE else "training_sets.json"
    kept = {"observations": given.rows, "rounds": given.rounds, **found}
    keep(RESULTS / name, kept, lines(found, given.rows), machine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
