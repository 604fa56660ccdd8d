"""Worlds: the simulated lender run from the command line, with progress."""

import os
import time
from datetime import date, timedelta
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from features.calendar import month_end, month_start
from flows.terminal import console, errors
from infra.settings import Settings
from simulation.description import Description
from simulation.scenarios.scenario import load, names
from simulation.simulate import simulate

PORTFOLIO = "simulated_lender"
"""The portfolio that reads a world's raw tables."""


def show_scenarios() -> None:
    """The scenarios that ship, and what each is about."""
    table = Table("scenario", "what happens")
    for name in names():
        table.add_row(name, load(name).about)
    console.print(table)


def simulate_world(
    scenario: str,
    customers: int,
    months: int,
    seed: int,
    policy: str,
    out: Path | None,
    since: date | None,
    workers: int,
) -> None:
    """Run a world and say what is where."""
    chosen = load(scenario)
    folder = out or Settings().root() / "worlds" / chosen.name
    described = Description(scenario=chosen, seed=seed, customers=customers, policy=policy)
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as shown:
        task = shown.add_task(f"{chosen.name}, {customers:,} customers, months:")
        simulate(
            described, months, folder, since=since, workers=workers,
            progress=lambda done, total: shown.update(task, completed=done, total=total),
        )  # fmt: skip
    hand_over(Settings().made, folder / "raw")
    _tell(folder, time.monotonic() - began)
    _tell_next(folder)


def hand_over(made: Path, raw: Path) -> None:
    """Have the portfolio read the raw tables of this world from now on; the truth beside them is out of its reach."""
    made.mkdir(parents=True, exist_ok=True)
    fresh = made / f".{PORTFOLIO}-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(raw.resolve(), target_is_directory=True)
    os.replace(fresh, made / PORTFOLIO)


def last_month(raw: Path) -> date:
    """The last day of the last month that has landed whole."""
    landed = max(file.parent.name for file in raw.glob("*/day=*/*.parquet"))
    last = date.fromisoformat(landed.removeprefix("day="))
    return last if last == month_end(last) else month_start(last) - timedelta(days=1)


def _tell_next(folder: Path) -> None:
    as_of = last_month(folder / "raw")
    console.print(f"next: lendloop run month --portfolio {PORTFOLIO} --as-of {as_of}", highlight=False)


def _tell(folder: Path, seconds: float) -> None:
    """Each table's files and size."""
    table = Table("", "table", "days", "MiB", title=f"{folder} ({seconds:.0f} s)", title_justify="left")
    for kind in ("raw", "truth"):
        for tables in sorted((folder / kind).iterdir()):
            files = list(tables.glob("day=*/*.parquet"))
            days = len({file.parent for file in files})
            table.add_row(kind, tables.name, str(days), f"{sum(file.stat().st_size for file in files) / 2**20:.1f}")
    console.print(table)
