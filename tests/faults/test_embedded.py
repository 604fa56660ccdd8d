"""The embedded service: workers killed under load, the disk full, the registry damaged; and features in Postgres."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.deployment import start, stop
from tests.faults.disks import Disk, small_disk
from tests.faults.kills import TIMEOUT, assert_kills_lose_nothing
from tests.faults.outcomes import (
    assert_goes_on_when_there_is_room,
    assert_last_good_release_answers,
    assert_reviewed,
    is_approved,
)
from tests.servers import PostgresServer, running_postgres
from tests.serving.deployed import RISKY, SAFE, Deployed, deployed_in, until
from tests.serving.materialized import materialize, two_customers

pytestmark = [pytest.mark.integration]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("embedded")
    with deployed_in(folder) as running:
        yield running


@pytest.mark.timeout(TIMEOUT)
def test_workers_killed_at_random_moments_under_load(service: Deployed) -> None:
    assert_kills_lose_nothing(service, "sqlite")


@contextmanager
def no_room(pids: list[int]) -> Iterator[None]:
    """No file of these processes may grow over a page: every write beyond fails, as on a full disk."""
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_log_whose_files_may_not_grow(service: Deployed) -> None:
    assert_goes_on_when_there_is_room(service, no_room(service.workers()))


def test_a_registry_that_is_away_and_comes_back(service: Deployed) -> None:
    store = Path(service.launch.mlflow_uri.removeprefix("sqlite:///"))
    whole = store.read_bytes()

    def damage() -> None:
        store.write_bytes(bytes(len(whole)))  # in its place: who has it open finds it gone too

    assert_last_good_release_answers(service, damage, lambda: store.write_bytes(whole))


@pytest.fixture(scope="module")
def disk() -> Iterator[Disk]:
    with small_disk() as disk:
        yield disk


@pytest.fixture(scope="module")
def moved(service: Deployed, disk: Disk) -> Iterator[tuple[Deployed, PostgresServer]]:
    """The service with its log on a disk of its own, and its features in Postgres."""
    with running_postgres() as postgres:
        log = f"sqlite:///{disk.folder / 'log.db'}"
        service.launch = service.launch.model_copy(update={"decision_log": log, "online_store": postgres.url})
        urls = {"registry": service.launch.feature_registry, "online": postgres.url}
        materialize("behaviour", datetime.now(UTC), rows=two_customers(SAFE, RISKY), **urls)
        service.started = start(service.launch)
        yield service, postgres
        stop(service.launch.home)


def test_a_log_on_a_disk_that_is_full(moved: tuple[Deployed, PostgresServer], disk: Disk) -> None:
    if not disk.mounted:
        pytest.skip(
            "only root may mount a filesystem to fill; test_a_log_whose_files_may_not_grow limits files instead"
        )
    assert_goes_on_when_there_is_room(moved[0], disk.full())


def test_features_in_a_postgres_that_is_paused_and_killed(moved: tuple[Deployed, PostgresServer]) -> None:
    service, postgres = moved
    assert is_approved(service)
    with postgres.paused():
        assert_reviewed(service, SAFE, "FEATURES_LATE", "late")
    until(lambda: is_approved(service))
    postgres.kill()
    try:
        assert_reviewed(service, SAFE, "FEATURES_LATE", "late")
    finally:
        postgres.start()
    until(lambda: is_approved(service))
