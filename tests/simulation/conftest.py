from pathlib import Path

import pytest

from simulation.simulate import simulate
from tests.simulation.small import MONTHS, described


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("world")
    simulate(described(), MONTHS, out)
    return out
