"""A lender's export as large and as odd as they come: 150,000 applications of 120 columns, through the whole loop.

`python -m benchmarks.wide_file FILE` writes it (seeded; CSV or Parquet by the file's name).
`python -m benchmarks.wide_file --run HOME` makes a portfolio of it in HOME, runs two months with 5,000 decisions
between them, and prints what each command took.
"""

import os
import resource
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from subprocess import run

import numpy as np
import polars as pl
from rich.console import Console

console = Console(highlight=False)
ROWS, NUMBERS = 150_000, 100
ODD = (
    *("Ann. income (€)", "debt/income %", "select", "地区", "Ø late days"),
    *("a  b", "#accts", "1st loan?", "E-mail consent", "x.y"),
)
"""Headers that would break a query, a path, an identifier or an encoding, if one were made of them as they are."""


def wide_file(rows: int = ROWS, numbers: int = NUMBERS, seed: int = 5) -> pl.DataFrame:
    """Applications over twelve months of 2024: id, time, label, numbers with gaps, categories, an employer, a note."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, numbers)).astype(np.float32)
    values[:, ::7] = np.exp(values[:, ::7]) * 1000
    weights = np.where(np.arange(numbers) % 9 == 0, 0.35, 0.0)
    odds = -2.4 + np.clip(values, -3, 3) @ weights * 0.6
    gaps = draw.random((rows, numbers)) < np.linspace(0, 0.4, numbers)
    columns: dict[str, object] = {
        "Application ID": np.arange(rows) + 10_000_000,
        "applied at": _days(draw, rows),
    }
    for place in range(numbers):
        name = ODD[place] if place < len(ODD) else f"num {place:03d}"
        columns[name] = pl.Series(values[:, place]).scatter(np.flatnonzero(gaps[:, place]), None)
    for place in range(14):
        levels = [f"level {place}-{level}" for level in range(2 + 3 * place)]
        columns[f"cat/{place}"] = pl.Series([*levels, None])[draw.integers(0, len(levels) + 1, rows)]
    columns["employer"] = [f"Employer {number} Ltd" for number in draw.zipf(1.3, rows) % 40_000]
    columns["note, free text"] = [f'called {number}; said "later", will pay' for number in draw.integers(0, rows, rows)]
    columns["sex"] = draw.choice(["f", "m"], rows)
    columns["default"] = (draw.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    return pl.DataFrame(columns, strict=False)


def _days(draw: np.random.Generator, rows: int) -> pl.Series:
    first = np.datetime64("2024-01-01", "D")
    return pl.Series(np.sort(first + draw.integers(0, 366, rows).astype("timedelta64[D]")))


def write(frame: pl.DataFrame, path: Path) -> None:
    """As CSV, or as Parquet where the name says so."""
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)


def time_the_loop(home: Path) -> int:
    """Portfolio, check and two months; seconds and peak memory of each command on a line; 1 when one failed."""
    home.mkdir(parents=True, exist_ok=True)
    file, folder = home / "applications.csv", home / "portfolios"
    write(wide_file(), file)
    console.print(
        f"{file.stat().st_size / 1e6:.0f} MB, {ROWS:,} rows of {len(pl.read_csv(file, n_rows=1).columns)} columns"
    )
    settings = {"LENDLOOP_HOME": str(home / "home"), "LENDLOOP_PORTFOLIOS": str(folder)}
    asked = ("--id", "Application ID", "--time", "applied at", "--label", "default", "--matures", "30d")
    asks = home / "asks.csv"
    pl.read_csv(file, columns=["Application ID", "applied at"]).filter(
        pl.col("applied at").is_between(pl.lit("2024-11-16"), pl.lit("2024-11-30"))
    ).select(entity_id="Application ID").head(5_000).write_csv(asks)
    decide = ("decide", str(asks), "--portfolio", "wide", "--at", "2024-12-05T12:00:00Z")
    months = [("run", "month", "--portfolio", "wide", "--as-of", end) for end in ("2024-11-30", "2024-12-31")]
    commands = [
        ("portfolio", "new", "wide", "--from", str(file), *asked, "--folder", str(folder)),
        ("portfolio", "check", "wide"),
        months[0],
        decide,
        months[1],
        ("serve", "--stop"),
    ]
    codes = []
    for command in commands:
        began = time.monotonic()
        done = run([Path(sys.executable).with_name("lendloop"), *command], env={**os.environ, **settings}, check=False)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        codes.append(done.returncode)
        seconds, name = time.monotonic() - began, " ".join(command[:2])
        console.print(f"{name}: code {done.returncode}, {seconds:.0f} s, peak so far {peak:.1f} GiB")
    return int(any(codes))


def main() -> int:
    """Write the file, or time the loop on it."""
    asked = ArgumentParser(prog="python -m benchmarks.wide_file", description=__doc__)
    asked.add_argument("file", type=Path, nargs="?", help="where to write it: .csv or .parquet")
    asked.add_argument("--run", type=Path, metavar="HOME", help="make a portfolio of it in HOME and run two months")
    given = asked.parse_args()
    if given.run:
        return time_the_loop(given.run)
    if given.file is None:
        asked.error("expected a file to write, or --run HOME")
    write(wide_file(), given.file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
