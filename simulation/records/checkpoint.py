"""Checkpoints: all that changes in a shard, at the end of a day."""

import os
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Frame


class Checkpoints:
    """Those of one shard, under `checkpoints/<shard>/<day>/`: the state after that day. No pickle."""

    def __init__(self, out: Path, shard: str) -> None:
        self._folder = out / "checkpoints" / shard

    def days(self) -> list[Day]:
        """Days after which the world can go on, in order."""
        return sorted(
            (Day.on(date.fromisoformat(path.name)) for path in self._folder.glob("????-??-??")), key=lambda d: d.number
        )

    def save(self, day: Day, parts: list[Mapping[str, Array]], waiting: Mapping[str, Frame]) -> None:
        """Keep the state after a day, whole or not at all."""
        partial, final = self._folder / f"{day.date}.partial", self._folder / str(day.date)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for number, arrays in enumerate(parts):
            np.savez(partial / f"part-{number}.npz", **dict(arrays))  # type: ignore[arg-type]
        for table, rows in waiting.items():
            np.savez(partial / f"waiting-{table}.npz", **dict(rows))  # type: ignore[arg-type]
        self._drop(final)
        os.replace(partial, final)

    def load(self, day: Day) -> tuple[list[dict[str, Array]], dict[str, Frame]]:
        """The state after a day: arrays by part, and rows that have not landed by table."""
        folder = self._folder / str(day.date)
        count = len(list(folder.glob("part-*.npz")))
        parts = [_arrays(folder / f"part-{number}.npz") for number in range(count)]
        waiting = {file.stem.removeprefix("waiting-"): _arrays(file) for file in sorted(folder.glob("waiting-*.npz"))}
        return parts, dict(waiting)

    def drop_after(self, day: Day) -> None:
        """Forget all states after later days."""
        for later in self.days():
            if later.number > day.number:
                self._drop(self._folder / str(later.date))

    def _drop(self, folder: Path) -> None:
        """Out of sight first, so that a kill half-way leaves nothing that looks whole."""
        if folder.is_dir():
            gone = folder.with_name(f"{folder.name}.gone")
            shutil.rmtree(gone, ignore_errors=True)
            os.replace(folder, gone)
            shutil.rmtree(gone)


def _arrays(file: Path) -> dict[str, Array]:
    with np.load(file, allow_pickle=False) as kept:
        return {name: kept[name] for name in kept.files}
