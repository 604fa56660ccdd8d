"""How a challenger comes to local disk, and how a stop of the service comes to the registry."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from serving.manifest import ReleaseError
from serving.pointers import CHALLENGER_FAULT, read_fault, read_pointer, report_worker, write_pointer
from serving.release import verify_release
from serving.trial.following import Unfit, fits, follow_challenger
from serving.trial.note import REPORTS, Stop, Trial, read_trial, write_stop
from tests.serving.small_releases import CAMPAIGN, PORTFOLIO, build_small
from tests.serving.test_supervisor import FolderChampions


@dataclass
class Told:
    """Trials in memory."""

    trial: Trial | None = None
    fault: Exception | None = None
    stopped: tuple[str, str, int, str] | None = None

    def current(self, portfolio: str) -> Trial | None:
        if self.fault:
            raise self.fault
        return self.trial

    def stop(self, portfolio: str, *, by: str, why: str, number: int, until: str) -> Trial:
        assert self.trial is not None
        self.stopped = (by, why, number, until)
        self.trial = replace(self.trial, share=0.0, number=number + 1)
        return self.trial


class House:
    """A registry in a folder with a champion and a challenger."""

    def __init__(self, folder: Path) -> None:
        self.releases, self.trials = folder / "releases", Told()
        self.registry = FolderChampions(folder / "registry")
        self.champion, self.challenger = (build_small(self.registry.folder, slope=slope) for slope in (1.0, 1.1))
        build_small(self.releases)
        write_pointer(self.releases, PORTFOLIO, self.champion)

    def follow(self) -> bool:
        return follow_challenger(self.releases, PORTFOLIO, self.trials, self.registry, lambda _, at: _verified(at))

    def trial(self) -> Trial | None:
        return read_trial(self.releases, PORTFOLIO)

    def fault(self) -> str | None:
        return read_fault(self.releases, PORTFOLIO, CHALLENGER_FAULT)


def _verified(folder: Path) -> None:
    verify_release(folder)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_it_is_fetched_once_followed_and_forgotten(house: House) -> None:
    assert house.follow()
    assert house.trial() is None
    house.trials.trial = Trial(house.challenger, 0.0, 1, 1)
    assert [house.follow(), house.follow()] == [True, True]
    assert (house.trial(), house.registry.fetched) == (Trial(house.challenger, 0.0, 1, 1), [house.challenger])
    house.trials.trial = Trial(house.challenger, 0.2, 2, 1)
    house.follow()
    assert house.trial() == Trial(house.challenger, 0.2, 2, 1)
    write_pointer(house.releases, PORTFOLIO, house.challenger)  # it was promoted
    house.follow()
    assert house.trial() is None


def test_one_that_a_worker_could_not_load_is_fetched_anew_where_its_folder_is_damaged(house: House) -> None:
    house.trials.trial = Trial(house.challenger, 0.2, 1, 1)
    house.follow()
    policy = house.releases / house.challenger / "policy.json"
    whole = policy.read_bytes()
    policy.write_bytes(b"{}")
    report_worker(house.releases, {})
    report_worker(house.releases, {PORTFOLIO: house.challenger}, REPORTS)
    assert house.follow()
    assert policy.read_bytes() == b"{}"  # it is in memory
    report_worker(house.releases, {}, REPORTS)
    assert house.follow()
    assert (policy.read_bytes(), house.trial()) == (whole, Trial(house.challenger, 0.2, 1, 1))


def test_one_that_fails_its_check_is_told_and_not_tried_and_the_champion_stays(house: House) -> None:
    (house.registry.folder / house.challenger / "policy.json").write_bytes(b"{}")
    house.trials.trial = Trial(house.challenger, 0.2, 1, 1)
    assert not house.follow()
    assert "damaged in the registry" in (house.fault() or "")
    assert (house.trial(), read_pointer(house.releases, PORTFOLIO)) == (None, house.champion)
    house.trials.trial = None
    assert house.follow()
    assert house.fault() is None


def test_a_registry_that_is_away_leaves_the_trial_as_it_was(house: House) -> None:
    house.trials.trial = Trial(house.challenger, 0.2, 1, 1)
    house.follow()
    house.trials.fault = OSError("no route")
    assert not house.follow()
    assert house.trial() == Trial(house.challenger, 0.2, 1, 1)
    write_stop(house.releases, PORTFOLIO, Stop(1, "error_rate", "it failed", "2026-01-01"))
    assert house.trial() == Trial(house.challenger, 0.0, 1, 1)  # at once, whoever is away


def test_a_stop_of_the_service_is_made_known_to_the_registry_once(house: House) -> None:
    house.trials.trial = Trial(house.challenger, 0.2, 5, 1)
    house.follow()
    write_stop(house.releases, PORTFOLIO, Stop(5, "error_rate", "it failed", "2026-01-01"))
    house.follow()
    assert house.trials.stopped == ("lendloop", "error_rate: it failed", 5, "2026-01-01")
    assert house.trial() == Trial(house.challenger, 0.0, 6, 1)
    house.trials.stopped = None
    house.follow()
    assert house.trials.stopped is None


def test_one_that_answers_less_than_the_champion_is_unfit(house: House) -> None:
    other = build_small(house.releases, portfolio=CAMPAIGN)
    with pytest.raises(Unfit, match="has no risk policy"):
        fits(house.releases / other, house.releases / house.champion)
    assert issubclass(Unfit, ReleaseError)
