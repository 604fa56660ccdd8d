"""One service for all tests of this folder; a test leaves it as it found it, or starts it again."""

from collections.abc import Iterator

import pytest

from tests.serving.deployed import Deployed, deployed_in


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("service")
    with deployed_in(folder) as running:
        yield running
