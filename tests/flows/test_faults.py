import errno
import sqlite3
from pathlib import Path

import pytest

from features.documents import DocumentError
from features.lake_files import lake_full
from flows.cli.faults import explain


def test_our_own_errors_speak_for_themselves() -> None:
    assert explain(DocumentError("features.yaml:3: entity: missing")) == "features.yaml:3: entity: missing"


def test_a_full_disk_is_said_plainly() -> None:
    assert "no space left" in explain(OSError(errno.ENOSPC, "No space left on device", "lake/part.parquet"))


def test_a_full_lake_says_once_what_to_do() -> None:
    told = explain(lake_full(Path("lake/part.parquet"), OSError(errno.ENOSPC, "No space left on device")))
    assert told.startswith("lake/part.parquet: cannot be written: No space left on device; ")
    assert told.lower().count("space") == 2  # the fault, and the remedy
    assert told.count("again") == 1


def test_a_fault_of_the_system_names_the_file() -> None:
    told = explain(PermissionError(errno.EACCES, "Permission denied", "lake"))
    assert told.startswith("lake: Permission denied; ")
    assert "LENDLOOP_HOME" in told


def test_anything_else_is_kept_in_a_file_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    message = explain(ZeroDivisionError("division by zero"))
    (kept,) = (tmp_path / "logs").iterdir()
    assert str(kept) in message
    assert "ZeroDivisionError" in kept.read_text()


def test_a_database_that_finds_the_disk_full_is_understood() -> None:
    error = RuntimeError("cannot keep the run")
    error.__cause__ = sqlite3.OperationalError("database or disk is full")
    assert "no space left" in explain(error)


def test_whatever_fails_without_room_is_told_as_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("flows.cli.faults.free", lambda _: 4096)
    assert "no space left" in explain(RuntimeError("Server error '500 Internal Server Error'"))
    assert not (tmp_path / "home").exists()


def test_a_fault_that_cannot_be_kept_is_still_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path / "file"))
    assert "could not be written" in explain(ZeroDivisionError("division by zero"))
