import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra import files as module
from infra.files import keep, name_first, private, private_draft, sync_tree, write_whole


def full(_handle: int) -> None:
    raise OSError("no space left")


def test_a_file_is_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b.txt", b"new")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"new"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "b.txt", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_whole(tmp_path / "b.txt", b"new")
    assert (tmp_path / "b.txt").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


@pytest.mark.parametrize("name", [keep, name_first])
def test_a_secret_that_cannot_be_written_is_nowhere(
    name: Callable[[Path, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    old = tmp_path / "key.7-abc.tmp"
    old.write_text("an older secret")
    os.utime(old, (0, 0))
    draft = private_draft(file, "secret")
    assert draft.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        name(draft, file)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_that_is_half_written_is_taken_back(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        private(tmp_path / "key", None)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    private(tmp_path / "key", "first")
    with pytest.raises(FileExistsError):
        private(tmp_path / "key", "second")
    assert (tmp_path / "key").read_text() == "first"


def test_what_a_killed_writer_left_is_no_hindrance(tmp_path: Path) -> None:
    left = [tmp_path / "b.txt.tmp", tmp_path / "b.txt.7-abc.tmp"]
    for part in left:
        part.write_bytes(b"half")
        os.utime(part, (0, 0))
    write_whole(tmp_path / "b.txt", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    file = tmp_path / "part[1].parquet"

    def write(content: bytes) -> None:
        for _ in range(60):
            write_whole(file, content)
            assert set(file.read_bytes()) in ({1}, {2})
            assert file.stat().st_size == 100_000

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [bytes([1]) * 100_000, bytes([2]) * 100_000]))
    assert list(tmp_path.iterdir()) == [file]


def test_every_file_of_a_tree_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a" / "b.txt", b"new")
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    sync_tree(tmp_path)
    assert set(synced) == {str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b.txt")}


@pytest.mark.parametrize("links", [True, False])
def test_of_many_who_name_a_file_one_is_first_and_all_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(module.os, "link", without_links)

    def name(number: int) -> bytes:
        draft = tmp_path / f"draft-{number}"
        draft.write_bytes(bytes([number]))
        name_first(draft, tmp_path / "key")
        return (tmp_path / "key").read_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(name, range(100)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def without_links(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")
