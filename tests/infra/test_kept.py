"""Empty databases that were migrated at set-up."""

import shutil
import sys
from pathlib import Path

import pytest

from infra import kept as module
from infra.kept import begin_with, kept, make_aside


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that an environment has kept."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    kept("mlflow").parent.mkdir(parents=True)
    kept("mlflow").write_bytes(b"empty")
    return kept("mlflow")


def test_a_home_begins_with_a_copy(empty: Path, tmp_path: Path) -> None:
    assert begin_with("mlflow", tmp_path / "home" / "a.db")
    assert (tmp_path / "home" / "a.db").read_bytes() == b"empty"
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["a.db"]


def test_what_is_there_stays(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"mine")
    assert begin_with("mlflow", tmp_path / "a.db")
    assert (tmp_path / "a.db").read_bytes() == b"mine"


def test_of_two_at_once_the_first_ones_stays(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slower(*files: Path) -> object:
        (tmp_path / "a.db").write_bytes(b"theirs")
        return copy(*files)

    copy = shutil.copyfile
    monkeypatch.setattr(module.shutil, "copyfile", slower)
    assert begin_with("mlflow", tmp_path / "a.db")
    assert (tmp_path / "a.db").read_bytes() == b"theirs"


@pytest.mark.parametrize("there", [b"", b"theirs"])
def test_a_file_system_without_links_will_do(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bytes
) -> None:
    def refuse(*_: object) -> None:
        if there:
            (tmp_path / "a.db").write_bytes(there)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module.os, "link", refuse)
    assert begin_with("mlflow", tmp_path / "a.db")
    assert (tmp_path / "a.db").read_bytes() == (there or b"empty")


def test_where_none_was_kept_there_is_none(empty: Path, tmp_path: Path) -> None:
    empty.unlink()
    assert not begin_with("mlflow", tmp_path / "a.db")
    assert not (tmp_path / "a.db").exists()


def test_one_of_another_version_is_none(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "version", lambda _: "0.0")
    assert not begin_with("mlflow", tmp_path / "a.db")


def test_what_is_cut_short_is_not_there(tmp_path: Path) -> None:
    def cut(file: Path) -> None:
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        make_aside(tmp_path / "a.db", cut)
    assert list(tmp_path.iterdir()) == []
