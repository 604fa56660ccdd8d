"""The features of many customers x 12 months, computed by ranges of customers: rows a second and memory, as they grow.

`python -m benchmarks.features_scale [CUSTOMERS …]` (100,000 and 1,000,000 unless told) makes the statements of that
many customers, computes twenty features of the cards portfolio from them by the code of `lendloop run build`, three
times (of 10,000,000 once), each in a process of its own, and writes `benchmarks/results/features_scale.json`.
`--keep FOLDER` leaves the lake there.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from datetime import date
from math import log
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks import turns
from benchmarks.figures import Line
from benchmarks.machine import describe, moment
from benchmarks.scale_tables import Shape, statement_chunks
from features.build import build_features
from features.calendar import month_end
from features.growing import GrowingFile
from features.lake import Lake
from features.portfolio import Portfolio, open_portfolio

RESULTS = Path(__file__).parent / "results" / "features_scale.json"
CARDS = Path(__file__).parents[1] / "portfolios" / "taiwan_cards" / "features.yaml"
NAME, VIEW, MONTHS, LAST = "many_cards", "behaviour", 12, date(2024, 12, 31)
FEATURES = (
    *("credit_limit", "months_on_record", "status", "status_1", "status_worst_6", "status_mean_6", "late_streak"),
    *("late_count_6", "months_since_late_2", "bill", "bill_1", "utilisation", "utilisation_mean_6"),
    *("utilisation_change", "utilisation_trend_6", "paid", "paid_mean_3", "payment_ratio", "payment_ratio_mean_6"),
    "unpaid_to_limit",
)
SIZES = (100_000, 1_000_000)
EXPONENT = 1.05
"""Of the growth of the cost with the rows, over which we would not call it linear."""
ROUNDS, LARGE = 3, 10_000_000
"""Builds of a size, whose medians are told; one takes minutes from the large size on, and is made once."""
LARGEST_MIB = 4096
"""Memory that a build may take, whatever the number of customers."""


def cards(folder: Path) -> Portfolio:
    """The cards portfolio with twenty of its features, and without raw files."""
    text = yaml.safe_load(CARDS.read_text(encoding="utf-8"))
    view = text["views"][VIEW]
    view["features"] = {name: view["features"][name] for name in FEATURES}
    text["tables"] = {"statements": text["tables"]["statements"]}
    text["views"], text["services"] = {VIEW: view}, {"risk": {"use": "credit", "views": {VIEW: "all"}}}
    place = folder / "portfolios" / NAME
    place.mkdir(parents=True, exist_ok=True)
    (place / "features.yaml").write_text(yaml.safe_dump(text, sort_keys=False), encoding="utf-8")
    return open_portfolio(place.parent, NAME)


def make_statements(folder: Path, customers: int) -> None:
    """The statements of `customers` in the lake, as an ingest leaves them."""
    lake, page, month = Lake(folder / "lake"), None, ""
    for at, chunk in statement_chunks(Shape(customers, MONTHS)):
        if at != month:
            _close(page, month)
            page, month = GrowingFile(lake, NAME, lake.file(NAME, "tables", "statements", at)), at
        assert page is not None
        page.add(pl.DataFrame(chunk))
    _close(page, month)


def _close(page: GrowingFile | None, month: str) -> None:
    if page is not None:
        end = month_end(date.fromisoformat(f"{month}-01"))
        page.replace({"covers": end.isoformat(), "inputs": page.digest})


def measured(step: str, folder: Path, customers: int) -> dict[str, float]:
    """Run a step in a process of its own; its seconds, and the most memory it held."""
    command = [sys.executable, "-m", "benchmarks.features_scale", str(customers), "--step", step, "--keep", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_step(step: str, folder: Path, customers: int) -> None:
    """What the process of a step does: make the statements, or build the features."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    if step == "make":
        make_statements(folder, customers)
    else:
        build_features(cards(folder), Lake(folder / "lake"), LAST)
    after = resource.getrusage(resource.RUSAGE_SELF)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = {"seconds": time.perf_counter() - began, "processor_seconds": processor, "peak_mib": after.ru_maxrss / 1024}
    json.dump(told, sys.stdout)


def figures(folder: Path, customers: int) -> dict[str, float]:
    """One size: rows a second and memory of the build, and what it read and wrote."""
    measured("make", folder, customers)
    builds = list[dict[str, float]]()
    for _ in range(ROUNDS if customers < LARGE else 1):
        shutil.rmtree(folder / "lake" / NAME / "features", ignore_errors=True)  # what is there is not built again
        builds.append(measured("build", folder, customers))
    built = {name: median(one[name] for one in builds) for name in builds[0]}
    rows = customers * MONTHS
    sizes = {
        layer: sum(file.stat().st_size for file in (folder / "lake" / NAME / layer).rglob("part.parquet"))
        for layer in ("tables", "features")
    }
    return {
        "customers": customers,
        "rows": rows,
        "rounds": len(builds),
        "seconds": round(built["seconds"], 2),
        "processor_seconds": round(built["processor_seconds"], 2),
        "rows_per_second": round(rows / built["seconds"]),
        "peak_mib": round(built["peak_mib"]),
        **{f"{layer}_mb": round(size / 1e6) for layer, size in sizes.items()},
    }


def exponent(sizes: list[dict[str, Any]]) -> float | None:
    """The power of the number of rows that the processor's time grew with, from the smallest to the largest.

    1 is linear. The clock's time would tell of whatever else the machine does.
    """
    if len(sizes) < 2:
        return None
    first, last = sizes[0], sizes[-1]
    power: float = log(last["processor_seconds"] / first["processor_seconds"]) / log(last["rows"] / first["rows"])
    return power


def main(sizes: list[int], keep: Path | None) -> None:
    """Measure each size, print, and keep the figures."""
    console, found, machine = Console(highlight=False), list[dict[str, Any]](), describe()
    for customers in sizes:
        with tempfile.TemporaryDirectory(prefix="lendloop-scale-") as place:
            folder = keep if keep and customers == sizes[-1] else Path(place)
            found.append({"machine": moment()} | figures(folder, customers))
        console.print(f"{customers:,} customers: {found[-1]['rows_per_second']:,} rows/s")
    grown = exponent(found)
    show(console, found, grown)
    told = {"features": len(FEATURES), "months": MONTHS} | together(found, grown)
    turns.keep(RESULTS, told, lines(told["sizes"], told["exponent"]), machine)


def together(found: list[dict[str, Any]], grown: float | None) -> dict[str, Any]:
    """What is kept: the run that went furthest, whole, and a shorter one after it, apart.

    Growth is between sizes of one run: an hour later the same machine may be half as fast.
    """
    before = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"sizes": []}
    if max((one["customers"] for one in before["sizes"]), default=0) <= found[-1]["customers"]:
        return {"sizes": found, "exponent": grown}
    shorter = {"sizes": found, "exponent": grown}
    return {"sizes": before["sizes"], "exponent": before["exponent"], "shorter": shorter}


def lines(found: list[dict[str, Any]], grown: float | None) -> list[Line]:
    """What README says."""
    last, bounded = found[-1], found[-1]["peak_mib"] <= LARGEST_MIB
    return [
        Line(
            f"{len(FEATURES)} features of {last['customers']:,.0f} customers × {MONTHS} months",
            f"linear from {found[0]['customers']:,.0f}, memory bounded",
            f"{last['rows_per_second']:,.0f} rows/s, {last['peak_mib'] / 1024:.1f} GiB, "
            + ("one size only" if grown is None else f"CPU grows with rows^{grown:.2f}"),
            "–",
            "–",
            bounded and grown is not None and grown <= EXPONENT,
        )
    ]


def show(console: Console, found: list[dict[str, Any]], grown: float | None) -> None:
    """The figures as a table."""
    table = Table(
        *("customers", "rows", "rounds", "seconds", "CPU", "rows/s", "peak MiB", "read MB", "written MB"), box=None
    )
    for one in found:
        table.add_row(*(f"{value:,.0f}" for name, value in one.items() if name != "machine"))
    console.print(table)
    if grown is not None:
        linear = "linear" if grown <= EXPONENT else "NOT linear"
        console.print(f"the processor's time grew with the rows to the power of {grown:.2f}: {linear}")


if __name__ == "__main__":
    asked = ArgumentParser(prog="python -m benchmarks.features_scale", description=__doc__)
    asked.add_argument("customers", type=int, nargs="*", default=list(SIZES))
    asked.add_argument("--keep", type=Path, help="leave the lake of the last size in this folder")
    asked.add_argument("--step", choices=("make", "build"), help="used by the benchmark itself")
    given = asked.parse_args()
    if given.step:
        run_step(given.step, given.keep, given.customers[0])
    else:
        main(given.customers, given.keep)
