"""A month killed at every step: the end-to-end test of `make test` kills it at its release alone."""

from collections.abc import Callable, Iterator

import pytest

from infra.processes import free_port
from serving.deployment import status
from tests.e2e.small_lender import NAME, Lender, has_release

pytestmark = [pytest.mark.long, pytest.mark.integration, pytest.mark.timeout(900)]
MONTH = ("run", "month", "--portfolio", NAME, "--as-of", "2024-11-30")


def has_features(now: Lender) -> bool:
    return any((now.home / "lake").rglob("features/*/known=*/*.parquet"))


def has_registry(now: Lender) -> bool:
    return (now.home / "mlflow.db").exists()


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


@pytest.mark.parametrize(
    "points",
    [(has_features, has_registry, has_release), (is_starting,), (is_answering,), (is_watched,), (has_facts,)],
    ids=lambda points: "-".join(point.__name__ for point in points),
)
def test_it_ends_as_one_never_killed(
    calm: Lender,
    tmp_path_factory: pytest.TempPathFactory,
    prefect_url: str,
    points: tuple[Callable[[Lender], bool], ...],
) -> None:
    killed = Lender(tmp_path_factory.mktemp(points[0].__name__), prefect_url, free_port())
    killed.copy_from(calm, "portfolios")
    try:
        for reached in points:
            killed.kill_when(reached, *MONTH)
        killed.run(*MONTH)
        undisturbed = calm.state()
        for part, content in killed.state().items():
            assert content == undisturbed[part], part
    finally:
        killed.stop()
