"""What the tests of everything that lives in the decision log's database share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.log.decision_log import DecisionLog, open_log
from tests.serving.log.keyring import KEYS


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that the decision log may be in."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'log.db'}"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
def log(url: str) -> Iterator[DecisionLog]:
    """The empty log in that database."""
    opened = open_log(url, KEYS)
    yield opened
    opened.close()
