"""Empty databases that a framework takes seconds to migrate: made once with the environment, and copied by each home.

Where there is none, as in an environment that was not made by `make setup`, each home migrates its own.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from infra.files import name_first


def kept(framework: str) -> Path:
    """Where this environment keeps the empty database of a framework, for the version that is installed."""
    return Path(sys.prefix) / "share" / "lendloop" / f"{framework}-{version(framework)}.db"


def begin_with(framework: str, file: Path) -> bool:
    """Have a copy as `file` where there is none yet; whether there is a file now."""
    if file.exists() or not os.access(empty := kept(framework), os.R_OK):
        return file.exists()
    make_aside(file, lambda made: shutil.copyfile(empty, made))
    return file.exists()


def make_aside(file: Path, make: Callable[[Path], object]) -> None:
    """Make a file under another name first: a database that was cut short, by a full disk, could never be opened again.

    One that another process has made meanwhile stays.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{file.stem}-", dir=file.parent) as folder:
        made = Path(folder) / file.name
        make(made)
        name_first(made, file)
