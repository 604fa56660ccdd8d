"""What every test may ask for: real servers, started once a session when a test first needs one."""

import fcntl
import gc
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# As `lendloop` has it, before NumPy is imported: here its threads only wait for each other, at full speed.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
if "PYTEST_XDIST_WORKER" in os.environ:  # it imports every file of tests, of which some import Feast the slow way
    import features.store  # noqa: F401

from tests import certificates
from tests.prefect import prefect_url
from tests.servers import postgres_database, postgres_server, postgres_url, redis_server, redis_url

# Every library is imported, some million objects: looking for garbage among them, and often, costs a twentieth.
gc.set_threshold(200_000, 10, 10)
certificates.read_once()
# What commands print is compared: as wide everywhere, whatever terminal or worker the tests run in.
os.environ["COLUMNS"] = "120"

__all__ = [
    "postgres_database",
    "postgres_server",
    "postgres_url",
    "prefect_url",
    "redis_server",
    "redis_url",
]

TOGETHER = (
    ("tests/integration/service/",),
    ("tests/faults/test_decision_log.py", "tests/faults/test_online_store.py", "tests/faults/test_registry.py"),
    ("tests/e2e/", "tests/integration/test_schedule.py", "tests/integration/test_retrain_all.py"),
    ("tests/simulation/fraud/test_fraud.py", "tests/simulation/marketing/"),
    ("tests/simulation/test_run.py", "tests/simulation/test_simulate.py", "tests/simulation/money/"),
)
"""Files that share a running service, a Prefect server or a world: on one worker it is made once, not for each file."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """One worker after another: the first writes the asserts of all files anew, which is half the work, for all."""
    with (Path(tempfile.gettempdir()) / f"lendloop-collecting-{os.getuid()}").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        return (yield)


def pytest_collection_finish() -> None:
    """What was imported stays: garbage is looked for among what tests make."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """At the end all of it is given back, or libraries in C++ tell of what they take for leaks."""
    gc.unfreeze()


class Sharing(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a worker a file at a time, or files that are `TOGETHER`."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((group[0] for group in TOGETHER if file.startswith(group)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing | None:
    """`--dist loadfile`, but for what belongs together."""
    return Sharing(config, log) if config.getvalue("dist") == "loadfile" else None
