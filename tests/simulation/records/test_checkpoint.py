"""Checkpoints and journaled days are there whole or not at all, also when a kill comes while one is removed."""

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.records import checkpoint, journal
from simulation.records.checkpoint import Checkpoints
from simulation.records.journal import Journal

FIRST, SECOND = Day.on(date(2024, 1, 31)), Day.on(date(2024, 2, 29))


def half_removed(folder: Path, ignore_errors: bool = False) -> None:
    """A kill while a folder is removed: one file is gone, the rest is there."""
    if folder.is_dir():
        next(folder.iterdir()).unlink()
        raise KeyboardInterrupt


def saved(out: Path, value: int) -> Checkpoints:
    kept = Checkpoints(out, "people")
    for day in (FIRST, SECOND):
        kept.save(day, [{"a": np.array([value])}], {"loans": {"b": np.array([value])}})
    return kept


def test_killed_while_one_is_dropped_none_is_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = saved(tmp_path, 1)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint.shutil, "rmtree", half_removed)
        with pytest.raises(KeyboardInterrupt):
            kept.drop_after(FIRST)
    assert kept.days() == [FIRST]
    saved(tmp_path, 2)
    assert kept.days() == [FIRST, SECOND]
    assert kept.load(SECOND)[0][0]["a"] == 2


def test_killed_while_one_is_replaced_none_is_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, remove = saved(tmp_path, 1), shutil.rmtree

    def killed(folder: Path, ignore_errors: bool = False) -> None:
        if folder.suffix == ".partial":
            remove(folder, ignore_errors=ignore_errors)
        else:
            half_removed(folder)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            kept.save(SECOND, [{"a": np.array([2])}], {})
    assert kept.days() == [FIRST]


def test_killed_while_a_journaled_day_is_dropped_none_is_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Journal(tmp_path)
    blocked = Decisions(blocks=pl.DataFrame({"customer_id": [1], "blocked": [True]}))
    for day in (FIRST, SECOND):
        kept.write(day, blocked)
    with monkeypatch.context() as patched:
        patched.setattr(journal.shutil, "rmtree", half_removed)
        with pytest.raises(KeyboardInterrupt):
            kept.drop_from(FIRST)
    assert kept.read(SECOND) is None
    assert kept.read(FIRST) is not None
