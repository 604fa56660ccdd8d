"""One local Prefect server for a test session, started when a test first needs it."""

from collections.abc import Iterator

import pytest

from flows.prefect_server import STARTUP_SECONDS, is_healthy, start_server
from infra.settings import Settings


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the API of a Prefect server with a database of its own."""
    child, url = start_server(Settings(home=tmp_path_factory.mktemp("prefect")))
    try:
        child.wait_until(lambda: is_healthy(url), what="the test session's Prefect server", timeout=STARTUP_SECONDS)
        yield url
    finally:
        child.stop()
