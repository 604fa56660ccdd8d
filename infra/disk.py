"""Room on the disk: how much is left, and whether an error says that there is none."""

import errno
import os
import shutil
from pathlib import Path

MIB = 2**20
SHORT = MIB
"""Bytes under which a disk is as good as full: a file system keeps some back, and a failed write may free some."""
FULL = {errno.ENOSPC, errno.EDQUOT}
WORDS = ("disk is full", "no space left on device", "disk quota exceeded")
"""How databases and libraries say it."""


class RoomNeeded(OSError):
    """The disk refused a write; the message says what to do, and nothing has to be added."""


def free(path: Path) -> int:
    """Bytes that may still be written at `path`, which need not exist yet."""
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free


def need(path: Path, wanted: int) -> None:
    """Raise the system's own error of a full disk when fewer than `wanted` bytes may still be written at `path`."""
    if (found := free(path)) < wanted:
        told = f"found {found / MIB:,.1f} MiB free, expected {wanted / MIB:,.0f} MiB or more"
        raise OSError(errno.ENOSPC, told, str(path))


def full(path: Path) -> OSError:
    """The system's own error of a full disk, for one that a program below us met."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def says_full(text: str) -> bool:
    """Whether `text` says that a disk is full."""
    return any(words in text.lower() for words in WORDS)


def disk_full(error: BaseException | None) -> BaseException | None:
    """The error, or the cause of it, that says that the disk is full, as the system or as a library words it."""
    return next((each for each in chain(error) if _is_full(each)), None)


def chain(error: BaseException | None) -> list[BaseException]:
    """`error`, what caused it, what caused that, and so on."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _is_full(error: BaseException) -> bool:
    return (isinstance(error, OSError) and error.errno in FULL) or says_full(str(error))
