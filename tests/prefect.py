"""One local Prefect server for a test session, started when a test first needs it."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from flows.prefect_server import STARTUP_SECONDS, is_healthy, start_server
from infra.settings import Settings

# Some 8 CPU seconds of a new server are the migrations of its empty database: it is kept, as mypy's cache is. That they
# work on a new home is tested by tests/flows/test_prefect_server.py, every time.
MIGRATED = Path(__file__).resolve().parent.parent / "build" / f"prefect-{version('prefect')}.db"


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the API of a Prefect server with a database of its own."""
    home = tmp_path_factory.mktemp("prefect")
    database = home / "prefect" / "prefect.db"
    if MIGRATED.exists():
        database.parent.mkdir()
        shutil.copy(MIGRATED, database)
    child, url = start_server(Settings(home=home))
    try:
        child.wait_until(lambda: is_healthy(url), what="the test session's Prefect server", timeout=STARTUP_SECONDS)
        keep(database, home / "migrated.db")
        yield url
    finally:
        child.stop()


def keep(database: Path, made: Path) -> None:
    """Keep a migrated database that nothing has used yet, whole or not at all."""
    if MIGRATED.exists() or not MIGRATED.parent.is_dir():
        return
    with closing(sqlite3.connect(database)) as whole, closing(sqlite3.connect(made)) as copy:
        whole.backup(copy)
    near = shutil.copy(made, MIGRATED.with_suffix(f".{made.stat().st_ino}"))
    Path(near).replace(MIGRATED)
