"""What the tests of the API may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.api.worker import Worker


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """A worker with a log and a partner of its own."""
    worker = Worker(tmp_path)
    yield worker
    worker.close()
