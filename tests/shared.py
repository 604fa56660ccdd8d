"""What one worker makes for all, such as a Bento: it takes 5 CPU seconds."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def session_folder(folder: Path) -> Path:
    """The folder of all temporary ones of a test session, of one below it; each worker has one in between."""
    return folder.parent.parent if folder.parent.name.startswith("popen-") else folder.parent


@contextmanager
def made_once(shared: Path, name: str) -> Iterator[None]:
    """Have the other workers wait that would make the same thing in the folder `shared`."""
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
