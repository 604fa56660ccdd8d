"""Speed of the simulated world: customers a second, memory, and whether time grows with customers alone.

`python -m benchmarks.simulation [--months 24] [CUSTOMERS …]` runs the quiet world at each size, on two cores, every
table; it prints the figures and writes them to `benchmarks/results/simulation.json`, those of runs without 100,000
customers for 24 months, by which the goal is judged, to `simulation_other.json`. Each size runs in processes of its
own, whose CPU and memory are measured.
"""

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from pyarrow import parquet
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
SIZES = (1_000, 10_000, 100_000)
MONTHS, WORKERS = 24, 2
MINUTES, GIB = 10, 8
GOAL_SIZE = 100_000
HEADINGS = ("customers", "min", "CPU s", "CPU ms/cust.-month", "GiB", "rows", "moves/cust.-month", "disk GiB")
RUN = """
import sys
from pathlib import Path
from simulation.description import Description
from simulation.scenarios.scenario import load
from simulation.simulate import simulate
if __name__ == "__main__":
    customers, months, out, workers = sys.argv[1:]
    described = Description(scenario=load("quiet"), customers=int(customers))
    simulate(described, int(months), Path(out), workers=int(workers))
"""


@dataclass(frozen=True)
class Measured:
    """One size."""

    customers: int
    months: int
    wall_seconds: float
    cpu_seconds: float
    peak_gib: float
    transactions: int
    rows: int
    files: int
    disk_gib: float
    transactions_a_customer_month: float

    @property
    def cpu_ms_a_customer_month(self) -> float:
        """CPU of one customer for one month."""
        return 1000 * self.cpu_seconds / self.customers / self.months


def measured(customers: int, months: int, folder: Path) -> Measured:
    """Run one size and look at what it left."""
    script = folder / "run.py"
    script.write_text(RUN, encoding="utf-8")
    out = folder / "world"
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "POLARS_MAX_THREADS": "1"}
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, str(script), str(customers), str(months), str(out), str(WORKERS)]
    subprocess.run(command, check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    # The kernel tells the largest process only: two workers and the one that waits for them at most.
    peak = after.ru_maxrss / 1024**2 * (WORKERS + 1)
    return _described(customers, months, time.monotonic() - began, cpu, peak, out)


def _described(customers: int, asked: int, wall: float, cpu: float, peak: float, out: Path) -> Measured:
    files = list(out.glob("*/*/day=*/*.parquet"))
    counts = {file: parquet.read_metadata(file).num_rows for file in files}
    moved = sum(count for file, count in counts.items() if file.parts[-3] == "transactions")
    months = _customer_months(out)
    size = sum(file.stat().st_size for file in files) / 1024**3
    rows = sum(counts.values())
    return Measured(customers, asked, wall, cpu, peak, moved, rows, len(files), size, moved / months)


def _customer_months(out: Path) -> float:
    """Months that customers were there: those who joined later count from then."""
    people = pl.read_parquet(list(out.glob("truth/true_people/*/*.parquet")), columns=["event_timestamp"])
    joined = people["event_timestamp"].dt.date()
    days = sorted(path.name.removeprefix("day=") for path in (out / "raw" / "transactions").iterdir())
    first, last = pl.Series(days).str.to_date().min(), pl.Series(days).str.to_date().max()
    present = pl.DataFrame({"joined": joined}).select(
        ((pl.lit(last) - pl.max_horizontal(pl.col("joined"), pl.lit(first))).dt.total_days() / 30.44).sum()
    )
    return float(present.item())


def main(customers: tuple[int, ...], months: int = MONTHS) -> None:
    """Measure every size, smallest first, and say whether the goal is met."""
    results = []
    for size in customers:
        folder = Path(tempfile.mkdtemp(prefix="lendloop-world-"))
        try:
            results.append(measured(size, months, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        _print(results)
    judged = [each for each in results if months == MONTHS and each.customers == GOAL_SIZE]
    met = all(each.wall_seconds < 60 * MINUTES and each.peak_gib < GIB for each in judged)
    machine = {"cores": os.cpu_count(), "load": os.getloadavg()[1], "python": platform.python_version()}
    sizes = [{**asdict(each), "cpu_ms_a_customer_month": each.cpu_ms_a_customer_month} for each in results]
    content = {
        "months": months,
        "workers": WORKERS,
        "machine": machine,
        "goal_met": met if judged else None,
        "sizes": sizes,
    }
    file = RESULTS / ("simulation.json" if judged else "simulation_other.json")
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if judged:
        Console().print(f"100,000 customers under {MINUTES} minutes and {GIB} GiB: {'met' if met else 'not met'}")


def _print(results: list[Measured]) -> None:
    table = Table(*HEADINGS)
    for each in results:
        table.add_row(
            f"{each.customers:,}", f"{each.wall_seconds / 60:.1f}", f"{each.cpu_seconds:.0f}",
            f"{each.cpu_ms_a_customer_month:.2f}", f"{each.peak_gib:.2f}", f"{each.rows:,}",
            f"{each.transactions_a_customer_month:.1f}", f"{each.disk_gib:.2f}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    asked = ArgumentParser()
    asked.add_argument("customers", type=int, nargs="*", default=SIZES)
    asked.add_argument("--months", type=int, default=MONTHS)
    main(tuple(asked.parse_args().customers), asked.parse_args().months)
