"""Opening MLflow's store: quietly, whole or not at all, and what its faults are told as."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.kept import begin_with, make_aside

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_SCHEMA_DETAILS": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
AUTOFLUSH = (
    "(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush block if this flush is "
    "occurring prematurely) "
)
"""What SQLAlchemy says to a programmer, before what the database says."""


def said(error: Exception) -> str:
    """What a database or MLflow says, without the SQL and the links around it, and what to do."""
    text = " ".join(str(error).partition("\n[SQL")[0].partition("(Background on")[0].split())
    text = text.replace(AUTOFLUSH, "")
    if any(words in text for words in ("not a database", "malformed")):
        return f"{text}; the file is damaged: bring it back from a backup, with MLflow's artifacts of the same time"
    if "download artifacts" in text:
        return f"{text.rstrip('.')}; bring MLflow's artifacts back from a backup, or make the release again"
    return f"{text}; `lendloop doctor` checks it"


def reach(uri: str) -> None:
    """Fail at once when Postgres does not answer: MLflow would try for more than a minute and a half."""
    if uri.startswith("postgresql"):
        from sqlalchemy import create_engine

        engine = create_engine(uri, connect_args={"connect_timeout": 5})
        engine.connect().close()
        engine.dispose()


def make_whole(uri: str) -> None:
    """Make an SQLite store that is not there yet: a copy of the empty one of this environment, or a new one."""
    if uri.startswith("sqlite:///") and not begin_with("mlflow", file := Path(uri.removeprefix("sqlite:///"))):
        make_aside(file, create)


def create(file: Path) -> None:
    """Make an empty store by MLflow's own migrations."""
    with quiet():
        from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

        engine = create_sqlalchemy_engine(f"sqlite:///{file}")  # type: ignore[no-untyped-call]
        try:
            _initialize_tables(engine)  # type: ignore[no-untyped-call]
        finally:
            engine.dispose()


@contextmanager
def quiet() -> Iterator[None]:
    """Import and open MLflow without telemetry, log lines or its own code's deprecation warnings."""
    os.environ.update(QUIET)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It logs each error of the database with its traceback, and raises it: it is told once, by `RegistryError`.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # MLflow 3.17 maps its tables with a loader that SQLAlchemy 2.1 deprecates, and warns of its own type hints.
        warnings.simplefilter("ignore")
        yield
