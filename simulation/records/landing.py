"""Landing: rows become files by the day on which they reach the lender; what comes later waits."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from simulation.calendar import DAY_US, Day
from simulation.columns import Array, Frame
from simulation.draws import Draws
from simulation.process import merged
from simulation.records.faults import landed
from simulation.scenarios.scenario import Scenario
from simulation.schema import RAW, TABLES
from simulation.schema.table import CREATED, EVENT, Table


class Landings:
    """The files of one shard under `raw/<table>/day=…/` and `truth/<table>/day=…/`."""

    def __init__(self, scenario: Scenario, seed: int, out: Path, shard: str) -> None:
        self._scenario, self._draws, self._out, self._shard = scenario, Draws(seed), out, shard
        self.waiting: dict[str, Frame] = {}
        """Rows that have happened and not landed, by raw table."""

    def write(self, day: Day, events: Mapping[str, Frame]) -> dict[str, pl.DataFrame]:
        """Write what lands on a day; gives it by table, raw and true."""
        arrived = {name: rows for name, rows in events.items() if name not in RAW}
        faults: list[Frame] = []
        for name in sorted(RAW.keys() & (events.keys() | self.waiting.keys())):
            arrived[name], found = self._arrived(day, RAW[name], events.get(name))
            faults += found
        arrived.update(merged([{"true_faults": found} for found in faults]))
        files = {name: _file(TABLES[name], rows) for name, rows in arrived.items() if len(rows[EVENT])}
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

    def _arrived(self, day: Day, table: Table, events: Frame | None) -> tuple[Frame, list[Frame]]:
        parts = [self.waiting.pop(table.name)] if table.name in self.waiting else []
        found: list[Frame] = []
        if events is not None:
            fresh, faults = landed(self._scenario, self._draws, day, table, events)
            parts, found = [*parts, fresh], faults.frames
        rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts[1:] else parts[0]
        here = rows.get(CREATED, rows[EVENT]) < (day.number + 1) * DAY_US
        if not here.all():
            self.waiting[table.name] = {name: column[~here] for name, column in rows.items()}
            rows = {name: column[here] for name, column in rows.items()}
        return rows, found


def _file(table: Table, rows: Frame) -> pl.DataFrame:
    """By arrival, then by key: an order that does not tell how the rows were gathered."""
    order = _order(rows.get(CREATED, rows[EVENT]), [rows[name] for name in table.key])
    return table.frame({name: column[order] for name, column in rows.items()})


def _order(created: Array, key: list[Array]) -> Array:
    order = np.argsort(created, kind="stable")
    arrivals = created[order]
    # Few rows arrive in the same microsecond, and sorting by all columns costs several times as much.
    return np.lexsort((*reversed(key), created)) if (arrivals[1:] == arrivals[:-1]).any() else order


def drop_empty(out: Path) -> None:
    """Remove the folders of days of which no file is left; not while anything is written there."""
    for folder in out.glob("*/*/day=*"):
        if not any(folder.iterdir()):
            folder.rmdir()


def write_whole(file: Path, rows: pl.DataFrame) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    rows.write_parquet(partial, compression="zstd", compression_level=1, statistics=False)
    os.replace(partial, file)
