"""The same tests on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.log.decision_log import DecisionLog, open_log
from tests.serving.log.keyring import KEYS


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def log_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty log."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_database"))
    return f"sqlite:///{tmp_path / 'log.db'}"


@pytest.fixture
def log(log_url: str) -> Iterator[DecisionLog]:
    """An empty log."""
    opened = open_log(log_url, KEYS)
    yield opened
    opened.close()
