"""The first look at the registry, which a start waits for."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from serving import starting
from serving.launch import Launch, ServiceError
from serving.pointers import pointed_portfolios, read_fault, write_pointer
from serving.starting import NOT_LOOKED, Beginning, Looks
from serving.workers import Crew

SHA = "a" * 64


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(
        home=tmp_path,
        bento=tmp_path / "bento",
        portfolios=("cards",),
        mlflow_uri="sqlite://",
        mlflow_artifacts=tmp_path / "artifacts",
        feature_registry="sqlite://",
        online_store="sqlite://",
        decision_log="sqlite://",
    )


def beginning(launch: Launch) -> Beginning:
    return Beginning(launch, Crew(lambda: None), Event(), None, time.monotonic() + 5)


def after_the_first(act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have something happen after the first thing that is looked at, whatever that is."""
    done = []

    def then(found: Any) -> Any:
        if not done:
            done.append(True)
            act()
        return found

    happened = Looks.happened
    monkeypatch.setattr(starting, "pointed_portfolios", lambda folder: then(pointed_portfolios(folder)))
    monkeypatch.setattr(Looks, "happened", lambda looks: then(happened(looks)))


def test_a_release_that_is_written_while_it_is_looked_for_is_not_missed(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks()

    def follow() -> None:
        write_pointer(launch.releases, "cards", SHA)
        looks.tell()

    after_the_first(follow, monkeypatch)
    assert beginning(launch).looked(looks)
    assert read_fault(launch.releases, "cards") is None


def test_a_look_that_found_nothing_ends_the_start(launch: Launch) -> None:
    looks = Looks()
    looks.tell()
    with pytest.raises(ServiceError, match="there is no release to serve"):
        beginning(launch).looked(looks)


def test_a_look_that_takes_too_long_is_told_where_a_release_can_answer(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "LOOK_SECONDS", 0.2)
    write_pointer(launch.releases, "cards", SHA)
    assert beginning(launch).looked(Looks())
    assert read_fault(launch.releases, "cards") == NOT_LOOKED
