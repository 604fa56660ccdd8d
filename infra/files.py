"""Files written whole, and on disk before anyone is told that they are there."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from infra.disk import SHORT, need

LEFT = 3600
"""Seconds after which a writer that has not finished has been killed."""


def write_whole(file: Path, content: bytes) -> None:
    """Replace `file` by `content`, whole or not at all; its folder is made. Of several writers the last one stays."""
    part = _part(file)
    with _gone_on_failure(part):
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, file)
        sync(file.parent)
    _clear(file)


def keep(part: Path, file: Path) -> None:
    """Give a finished file its name in place of what had it: on disk, content and name, when this returns."""
    with _gone_on_failure(part):
        sync(part)
        os.replace(part, file)
    sync(file.parent)


def private(file: Path, text: str) -> Path:
    """`file`, made new with the text, which its owner alone may ever read; `FileExistsError` where it is there."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with _gone_on_failure(file), os.fdopen(handle, "w") as out:
        out.write(text)
    return file


def private_draft(file: Path, text: str) -> Path:
    """The text in a private file beside `file`, to be given that name by `keep` or `name_first`."""
    _clear(file)
    return private(_part(file), text)


def _part(file: Path) -> Path:
    """A name beside `file`; writers of one file may be of several machines, where process ids repeat."""
    return file.with_name(f"{file.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


@contextmanager
def _gone_on_failure(part: Path) -> Iterator[None]:
    """Leave no file that was not finished."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def name_first(draft: Path, file: Path) -> None:
    """Give a finished file its name where there is none of that name yet: of several writers the first one's stays."""
    try:
        sync(draft)
        _link(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    sync(file.parent)


def _link(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file)  # which, unlike a move, leaves what is there alone
    except FileExistsError:
        pass
    except OSError:  # some file systems have no links: one writer after another
        with _turn(file.parent):
            if not file.exists():
                draft.replace(file)


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait until no other process has its turn in a folder; a process that is killed loses its."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def check_place(file: Path, size: int) -> None:
    """Raise the `OSError` that writing `size` bytes to `file` would meet, before what is to be written is made."""
    probe = _part(file)
    probe.touch(exist_ok=False)
    probe.unlink()
    need(file, size + SHORT)


def _clear(file: Path) -> None:
    """Remove what killed writers of a file have left."""
    for part in file.parent.glob(f"{escape(file.name)}.*tmp"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - LEFT:
                part.unlink()


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Have a folder and all that is in it on disk."""
    for path in [*folder.rglob("*"), folder]:
        sync(path)
