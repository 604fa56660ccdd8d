"""An empty database of Prefect's, migrated once when the environment is set up: each new home begins with a copy.

Migrating a new one takes 8 CPU seconds, which the first command of every home waited for. Where there is none, as in
an environment that was not made by `make setup`, the server migrates its own.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from infra.settings import Settings


def migrated() -> Path:
    """Where this environment keeps it, for the version of Prefect that is installed."""
    return Path(sys.prefix) / "share" / "lendloop" / f"prefect-{version('prefect')}.db"


def database(settings: Settings) -> Path:
    """The local server's database."""
    return settings.root() / "prefect" / "prefect.db"


def begin_with_migrated(settings: Settings) -> None:
    """Give a home that has no database yet a copy of the migrated one; whole, or not at all."""
    file = database(settings)
    if file.exists() or not migrated().exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        copy = shutil.copy(migrated(), folder)
        # Another command may have been quicker, and a few file systems have no links: then the server migrates its own.
        with suppress(OSError):
            os.link(copy, file)


def make(file: Path) -> None:
    """Migrate a new database and keep it as `file`, in one file that nothing has used."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        variables = {
            **os.environ,
            "PREFECT_HOME": folder,
            "PREFECT_PROFILES_PATH": f"{folder}/profiles.toml",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "true",
        }
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
        subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)
        with (
            closing(sqlite3.connect(Path(folder) / "prefect.db")) as made,
            closing(sqlite3.connect(Path(folder) / "whole.db")) as whole,
        ):
            made.backup(whole)
        Path(folder, "whole.db").replace(file)


if __name__ == "__main__":
    make(migrated())
