"""Registries on both databases; the tests share one Postgres store, each with a portfolio of its own."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.integration.registry.releases import Open
from tests.servers import new_database
from training.registry import Registry


@pytest.fixture
def open_sqlite(tmp_path: Path) -> Open:
    return lambda: Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")


@pytest.fixture(scope="session")
def open_postgres(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Open:
    url, artifacts = new_database(postgres_url), tmp_path_factory.mktemp("artifacts")
    return lambda: Registry(url, artifacts)


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest) -> Open:
    found: Open = request.getfixturevalue(f"open_{request.param}")
    return found


@pytest.fixture
def portfolio() -> str:
    """A name of the test's own, as the tests share one Postgres store."""
    return f"p{uuid4().hex[:8]}"
