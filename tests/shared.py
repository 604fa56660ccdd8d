"""What one worker makes for all, such as an empty registry: MLflow takes 3 CPU seconds to migrate a new SQLite file."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def session_folder(folder: Path) -> Path:
    """The folder of all temporary ones of a test session, of one below it; each worker has one in between."""
    return folder.parent.parent if folder.parent.name.startswith("popen-") else folder.parent


@contextmanager
def made_once(shared: Path, name: str) -> Iterator[None]:
    """Have the other workers wait that would make the same thing in the folder `shared`."""
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def empty_registry(shared: Path) -> Path:
    """The file of a registry with nothing in it, made in the folder `shared` by whoever asks first."""
    file = shared / "empty-mlflow.db"
    with made_once(shared, "empty-mlflow"):
        if not file.exists():
            from training.registry import Registry

            made = file.with_suffix(f".{os.getpid()}")
            Registry(f"sqlite:///{made}", shared).champion("none")
            made.replace(file)
    return file


def copy_empty_registry(shared: Path, file: Path) -> None:
    """Begin with it as `file`, where the registry is looked for."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty_registry(shared), file)


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty registry, for copies."""
    mine = tmp_path_factory.getbasetemp()
    return empty_registry(mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine)
