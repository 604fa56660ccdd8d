"""The model registry away: the last good release answers, and the service says that it cannot follow."""

import pytest

from tests.faults.conftest import Broken
from tests.faults.outcomes import assert_last_good_release_answers

pytestmark = [pytest.mark.integration]


def test_a_registry_that_is_stopped_and_comes_back(broken: Broken) -> None:
    assert_last_good_release_answers(broken.service, broken.registry.stop, broken.registry.start)
