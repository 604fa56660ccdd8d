"""Folders that are being filled: each is named by the process that fills it, so that a killed one's can be removed."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.processes import is_running, start_time

_OWNER = re.compile(r"-(\d+)-(\d+)-[^-]*")


@contextmanager
def draft(parent: Path, what: str) -> Iterator[Path]:
    """A new folder `<parent>/.<what>-<pid>-<start time>-…`, removed at the end unless it has another name by then.

    Those that killed processes left are removed first. Nothing reads a name that starts with a dot.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent, what)
    pid = os.getpid()
    folder = Path(tempfile.mkdtemp(prefix=f".{what}-{pid}-{start_time(pid)}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path, what: str) -> None:
    """Remove the drafts whose processes are gone."""
    for folder in parent.glob(f".{what}-*"):
        owner = _OWNER.fullmatch(folder.name.removeprefix(f".{what}"))
        if owner and not is_running(int(owner[1]), int(owner[2])):
            shutil.rmtree(folder, ignore_errors=True)
