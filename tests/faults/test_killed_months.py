"""A month killed where the end-to-end test does not kill it: with a service half started, answering, and watched."""

from collections.abc import Callable, Iterator

import pytest

from infra.processes import free_port
from serving.deployment import status
from tests.e2e.small_lender import NAME, Lender

pytestmark = [pytest.mark.long, pytest.mark.integration, pytest.mark.timeout(900)]
MONTH = ("run", "month", "--portfolio", NAME, "--as-of", "2024-11-30")


def is_starting(now: Lender) -> bool:
    return (now.home / "service" / "service.log").exists()


def is_answering(now: Lender) -> bool:
    return status(now.home) is not None


def is_watched(now: Lender) -> bool:
    return (now.home / "monitoring.db").exists()


def has_facts(now: Lender) -> bool:
    return any((now.home / "reports").rglob("2024-11-30-*.json"))


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Iterator[Lender]:
    lender = Lender(tmp_path_factory.mktemp("calm"), prefect_url, free_port())
    lender.make_portfolio()
    try:
        lender.run(*MONTH)
        yield lender
    finally:
        lender.stop()


@pytest.mark.parametrize("reached", [is_starting, is_answering, is_watched, has_facts])
def test_it_ends_as_one_never_killed(
    calm: Lender, tmp_path_factory: pytest.TempPathFactory, prefect_url: str, reached: Callable[[Lender], bool]
) -> None:
    killed = Lender(tmp_path_factory.mktemp(reached.__name__), prefect_url, free_port())
    killed.copy_from(calm, "portfolios")
    try:
        killed.kill_when(reached, *MONTH)
        killed.run(*MONTH)
        undisturbed = calm.state()
        for part, content in killed.state().items():
            assert content == undisturbed[part], part
    finally:
        killed.stop()
