import errno
from pathlib import Path

import pytest

from features.documents import DocumentError
from flows.cli.faults import explain


def test_our_own_errors_speak_for_themselves() -> None:
    assert explain(DocumentError("features.yaml:3: entity: missing")) == "features.yaml:3: entity: missing"


def test_a_full_disk_is_said_plainly() -> None:
    assert "no space left" in explain(OSError(errno.ENOSPC, "No space left on device", "lake/part.parquet"))


def test_a_fault_of_the_system_names_the_file() -> None:
    assert explain(PermissionError(errno.EACCES, "Permission denied", "lake")) == "lake: Permission denied"


def test_anything_else_is_kept_in_a_file_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    message = explain(ZeroDivisionError("division by zero"))
    (kept,) = (tmp_path / "logs").iterdir()
    assert str(kept) in message
    assert "ZeroDivisionError" in kept.read_text()
