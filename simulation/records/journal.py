"""The journal: what was decided by day, so that a world that is opened again can do it again."""

import os
import shutil
from datetime import date
from pathlib import Path

import polars as pl

from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.records.landing import write_whole


class Journal:
    """Decisions under `journal/<day>/`, a file a kind; a day without decisions has an empty folder."""

    def __init__(self, out: Path) -> None:
        self._folder = out / "journal"

    def write(self, day: Day, decisions: Decisions) -> None:
        """Keep a day's decisions, whole or not at all."""
        partial, final = self._folder / f"{day.date}.partial", self._folder / str(day.date)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, frame in decisions.frames.items():
            if len(frame):
                write_whole(partial / f"{name}.parquet", frame)
        _drop(final)
        os.replace(partial, final)

    def read(self, day: Day) -> Decisions | None:
        """A day's decisions, or None when none were kept."""
        folder = self._folder / str(day.date)
        if not folder.is_dir():
            return None
        files = sorted(folder.glob("*.parquet"))
        return Decisions(**{file.stem: pl.read_parquet(file, hive_partitioning=False) for file in files})

    def drop_from(self, day: Day) -> None:
        """Forget what was decided for a day and later."""
        for folder in sorted(self._folder.glob("????-??-??"), reverse=True):
            if date.fromisoformat(folder.name) >= day.date:
                _drop(folder)


def _drop(folder: Path) -> None:
    """Out of sight first, so that a kill half-way leaves no day with half of its decisions."""
    if folder.is_dir():
        gone = folder.with_name(f"{folder.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        os.replace(folder, gone)
        shutil.rmtree(gone)
