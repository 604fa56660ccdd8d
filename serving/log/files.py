"""Files that appear whole under their name, or not at all."""

import os
from pathlib import Path


def keep(part: Path, file: Path) -> None:
    """Give `part` the name `file`, on disk with its content and its name when this returns."""
    sync(part)
    os.replace(part, file)
    sync(file.parent)


def sync(path: Path) -> None:
    """Have a file, or a folder's names, on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
