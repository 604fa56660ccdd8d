import errno
import sqlite3
from pathlib import Path

import pytest

from infra.disk import disk_full, free, need


def test_room_is_that_of_a_folder_that_is_yet_to_be_made(tmp_path: Path) -> None:
    assert free(tmp_path / "not" / "there") > 0


def test_too_little_room_is_the_systems_own_error(tmp_path: Path) -> None:
    need(tmp_path, 1)
    with pytest.raises(OSError, match=r"MiB free, expected 1,099,511,627,776 MiB or more") as error:
        need(tmp_path, 2**60)
    assert error.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    ("cause", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (sqlite3.OperationalError("database or disk is full"), True),
        (OSError(errno.ENOENT, "No such file or directory"), False),
        (sqlite3.OperationalError("database is locked"), False),
    ],
)
def test_a_full_disk_is_known_by_what_caused_an_error(cause: Exception, full: bool) -> None:
    error = RuntimeError("cannot keep the run")
    error.__cause__ = cause
    assert disk_full(error) is (cause if full else None)
