"""Whose customers a canary answers, and what a worker has in memory of a challenger."""

import time
from collections import Counter
from pathlib import Path

import pytest

from serving.desk import Desk
from serving.pointers import PointerError, read_workers
from serving.release import load_release
from serving.trial.canary import drawn
from serving.trial.challengers import Challengers
from serving.trial.note import REPORTS, Stop, Trial, read_trial, tried_portfolios, write_stop, write_trial
from tests.serving.deployed import until
from tests.serving.small_releases import PORTFOLIO, build_small, fresh_reader

PEOPLE = [f"{number:032x}" for number in range(20_000)]
A, B = "a" * 64, "b" * 64


def test_a_share_is_what_it_says_stable_and_grows_without_changing_anyone() -> None:
    few, more = ({one for one in PEOPLE if drawn(one, A, share)} for share in (0.05, 0.2))
    assert few == {one for one in PEOPLE if drawn(one, A, 0.05)}
    assert few < more
    assert len(few) / len(PEOPLE) == pytest.approx(0.05, abs=0.006)
    assert len(more) / len(PEOPLE) == pytest.approx(0.2, abs=0.012)
    assert not any(drawn(one, A, 0.0) for one in PEOPLE[:500])
    assert all(drawn(one, A, 1.0) for one in PEOPLE[:500])


def test_it_is_spread_evenly_and_drawn_anew_for_another_challenger() -> None:
    tenths = Counter(next(tenth for tenth in range(1, 11) if drawn(one, A, tenth / 10)) for one in PEOPLE)
    # Chi-squared of ten equal classes: 27.9 is passed by chance once in a thousand times.
    assert sum((n - 2000) ** 2 / 2000 for n in tenths.values()) < 27.9
    first, second = ({one for one in PEOPLE if drawn(one, salt, 0.1)} for salt in (A, B))
    assert len(first & second) / len(first) == pytest.approx(0.1, abs=0.03)


def test_a_trial_is_noted_whole_and_a_stop_holds_for_its_own_step_only(tmp_path: Path) -> None:
    assert (read_trial(tmp_path, "cards"), tried_portfolios(tmp_path)) == (None, [])
    write_trial(tmp_path, "cards", Trial(A, 0.05, 7, 6))
    assert (read_trial(tmp_path, "cards"), tried_portfolios(tmp_path)) == (Trial(A, 0.05, 7, 6), ["cards"])
    write_stop(tmp_path, "cards", Stop(7, "error_rate", "it failed", ""))
    assert read_trial(tmp_path, "cards") == Trial(A, 0.0, 7, 6)
    write_trial(tmp_path, "cards", Trial(A, 0.1, 8, 6))
    assert read_trial(tmp_path, "cards") == Trial(A, 0.1, 8, 6)
    write_trial(tmp_path, "cards", None)
    assert read_trial(tmp_path, "cards") is None
    (tmp_path / "cards" / "trial").write_text('{"sha": "../../etc"}')
    with pytest.raises(PointerError):
        read_trial(tmp_path, "cards")


def test_a_worker_loads_swaps_and_forgets_challengers(tmp_path: Path) -> None:
    first, second = (build_small(tmp_path, slope=slope) for slope in (1.0, 1.1))
    challengers = Challengers(tmp_path, lambda portfolio, folder: Desk(load_release(folder), fresh_reader()))
    challengers.refresh()
    assert (challengers.tried(), challengers.canary(PORTFOLIO)) == ([], None)
    assert not (tmp_path / REPORTS).exists()  # nothing is written while nothing is tried

    write_trial(tmp_path, PORTFOLIO, Trial(first, 0.0, 1, 1))
    challengers.refresh()
    assert [one.current for one in challengers.tried()] == [True]
    assert challengers.canary(PORTFOLIO) is None
    write_trial(tmp_path, PORTFOLIO, Trial(second, 0.3, 3, 2))
    challengers.refresh()
    canary = challengers.canary(PORTFOLIO)
    assert canary is not None
    assert canary.desk.release.sha == second
    assert list(read_workers(tmp_path, REPORTS).values()) == [{PORTFOLIO: second}]

    write_trial(tmp_path, PORTFOLIO, Trial(A, 0.3, 4, 4))  # of a release that is not there
    challengers.refresh()
    (tried,) = challengers.tried()
    assert (tried.current, challengers.canary(PORTFOLIO)) == (False, None)
    assert tried.served is not None
    assert tried.served.fault is not None
    (tmp_path / PORTFOLIO / "trial").write_text("rubbish")
    challengers.refresh()
    assert challengers.tried() == []
    write_trial(tmp_path, PORTFOLIO, None)
    challengers.refresh()
    assert list(read_workers(tmp_path, REPORTS).values()) == [{}]


def test_a_worker_does_not_wait_for_a_challenger(tmp_path: Path) -> None:
    sha = build_small(tmp_path)
    write_trial(tmp_path, PORTFOLIO, Trial(sha, 0.3, 1, 1))

    def slow(portfolio: str, folder: Path) -> Desk:
        time.sleep(0.5)
        return Desk(load_release(folder), fresh_reader())

    challengers = Challengers(tmp_path, slow)
    began = time.monotonic()
    challengers.start()
    assert time.monotonic() - began < 0.4
    assert challengers.canary(PORTFOLIO) is None
    until(lambda: challengers.canary(PORTFOLIO) is not None, 10)
    challengers.stop()
