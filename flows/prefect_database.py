"""Prefect's empty database, as its own migrations make it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.settings import Settings


def database(settings: Settings) -> Path:
    """The local server's database."""
    return settings.root() / "prefect" / "prefect.db"


def migrate(file: Path) -> None:
    """Make an empty one; raises `CalledProcessError` when Prefect cannot."""
    with TemporaryDirectory() as folder:
        # Nothing of a server that this shell is set up for: its database is not ours to migrate.
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
            "PREFECT_HOME": folder,
            "PREFECT_PROFILES_PATH": f"{folder}/profiles.toml",
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder}/prefect.db",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "true",
        }
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
        subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)
        # Its write-ahead log is another file, which a copy would lack.
        with closing(sqlite3.connect(Path(folder) / "prefect.db")) as made, closing(sqlite3.connect(file)) as whole:
            made.backup(whole)
