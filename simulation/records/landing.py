"""Landing: rows become files by the day on which they reach the lender; what comes later waits."""

import os
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from simulation.calendar import DAY_US, Day
from simulation.columns import Frame
from simulation.draws import Draws
from simulation.process import merged
from simulation.records.faults import landed
from simulation.scenarios.scenario import Scenario
from simulation.schema import RAW, TABLES
from simulation.schema.table import CREATED, Table


class Landings:
    """The files of one shard under `raw/<table>/day=…/` and `truth/<table>/day=…/`."""

    def __init__(self, scenario: Scenario, seed: int, out: Path, shard: str) -> None:
        self._scenario, self._draws, self._out, self._shard = scenario, Draws(seed), out, shard
        self.waiting: dict[str, pl.DataFrame] = {}
        """Rows that have happened and not landed, by raw table."""

    def write(self, day: Day, events: Mapping[str, Frame]) -> dict[str, pl.DataFrame]:
        """Write what lands on a day; gives it by table, raw and true."""
        files = {name: TABLES[name].frame(rows) for name, rows in events.items() if name not in RAW}
        faults: list[Frame] = []
        for name in sorted(RAW.keys() & (events.keys() | self.waiting.keys())):
            files[name], found = self._arrived(day, RAW[name], events.get(name))
            faults += found
        files.update(
            {name: TABLES[name].frame(rows) for name, rows in merged([{"true_faults": f} for f in faults]).items()}
        )
        files = {name: _ordered(TABLES[name], rows) for name, rows in files.items() if len(rows)}
        for name, rows in files.items():
            write_whole(self.file(name, day), rows)
        return files

    def file(self, table: str, day: Day) -> Path:
        """Where a table's rows of a day are."""
        kind = "raw" if table in RAW else "truth"
        return self._out / kind / table / f"day={day.date}" / f"{self._shard}.parquet"

    def drop_after(self, day: Day | None) -> None:
        """Remove the files of later days, all of them without a day."""
        for file in self._out.glob(f"*/*/day=*/{self._shard}.parquet"):
            if day is None or file.parent.name > f"day={day.date}":
                file.unlink()

    def _arrived(self, day: Day, table: Table, events: Frame | None) -> tuple[pl.DataFrame, list[Frame]]:
        parts = [self.waiting.pop(table.name)] if table.name in self.waiting else []
        found: list[Frame] = []
        if events is not None:
            fresh, faults = landed(self._scenario, self._draws, day, table, events)
            parts, found = [*parts, table.frame(fresh)], faults.frames
        rows = pl.concat(parts) if len(parts) > 1 else parts[0]
        here = rows[CREATED].to_physical() < (day.number + 1) * DAY_US
        if not here.all():
            self.waiting[table.name] = rows.filter(~here)
            rows = rows.filter(here)
        return rows, found


def _ordered(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """By arrival, then by key: an order that does not tell how the rows were gathered."""
    return rows.sort(CREATED, *table.key, maintain_order=True)


def write_whole(file: Path, rows: pl.DataFrame) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    rows.write_parquet(partial, compression="zstd", compression_level=1, statistics=False)
    os.replace(partial, file)
