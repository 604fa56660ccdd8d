"""A log with its books filled."""

import pytest

from serving.log.decision_log import DecisionLog
from tests.serving.audit.examples import fill
from tests.serving.log.examples import make_record


@pytest.fixture
def filled(log: DecisionLog, url: str) -> DecisionLog:
    """Every act there is about every book."""
    log.append(make_record())
    fill(log, url)
    return log
