import pytest

from serving.api.shedding import FEWEST, INTERVAL, REST, Shedding, is_decision


def answer(shedding: Shedding, seconds: float, at: float) -> None:
    assert shedding.admit(True, at - seconds)
    shedding.done(True, seconds, at)


def test_more_at_once_than_the_limit_are_refused_until_one_is_done() -> None:
    shedding = Shedding(2, 1.0)
    assert [shedding.admit(True, 0.0) for _ in range(3)] == [True, True, False]
    shedding.done(True, 0.01, 1.0)
    assert shedding.admit(True, 0.0)


def test_readings_never_take_the_place_of_decisions() -> None:
    shedding = Shedding(16, 1.0)
    assert [shedding.admit(False, 0.0) for _ in range(3)] == [True, True, False]
    assert sum(shedding.admit(True, 0.0) for _ in range(20)) == 14
    shedding.done(False, 9.0, 1.0)
    assert not shedding.admit(False, 0.0) or shedding.running == 16


def test_slow_answers_halve_the_limit_and_good_ones_bring_it_back() -> None:
    shedding = Shedding(256, 0.25)
    at = 0.0
    limits = []
    for seconds in [0.4] * 7 + [0.01] * 9:
        at += 2 * INTERVAL
        answer(shedding, seconds, at)
        limits.append(shedding.limit)
    assert limits[:7] == [128, 64, 32, 16, 8, FEWEST, FEWEST]
    assert limits[7:] == [40, 72, 104, 136, 168, 200, 232, 256, 256]


def test_a_few_slow_or_quick_answers_among_many_change_nothing() -> None:
    shedding = Shedding(64, 0.25)
    for seconds in [0.01] * 99 + [2.0]:
        answer(shedding, seconds, INTERVAL / 2)
    answer(shedding, 0.01, INTERVAL)
    assert shedding.limit == 64
    for seconds in [0.6] * 60 + [0.0] * 40:  # refused bodies are quick, and do not hide a queue
        answer(shedding, seconds, INTERVAL * 1.5)
    answer(shedding, 0.6, INTERVAL * 2)
    assert shedding.limit == 32


def test_the_limit_comes_back_with_time_where_nobody_is_waiting() -> None:
    shedding = Shedding(64, 0.25)
    for at in (1.0, 2.0, 3.0, 4.0):
        assert shedding.admit(True, at)
        shedding.done(True, 0.6, at + 0.05)
    assert shedding.limit == FEWEST
    assert shedding.admit(True, 4.06)  # at once: there is no telling yet
    assert shedding.limit == FEWEST
    assert all(shedding.admit(True, 9.0) for _ in range(3))
    assert shedding.limit == FEWEST  # one was in hand all the while
    for _ in range(4):
        shedding.done(True, 0.2, 9.0)
    limit = shedding.limit
    assert shedding.admit(False, 9.0 + REST + 2.5 * INTERVAL)
    assert shedding.limit == min(64, limit + 16)
    assert shedding.admit(True, 20.0)
    assert shedding.limit == 64


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/portfolios/p/decisions", True),
        ("POST", "/v1/portfolios/p/propensities", True),
        ("POST", "/v1/portfolios/p/decisions:batch", False),
        ("GET", "/v1/decisions/x/explanation", False),
        ("GET", "/v1/releases", False),
    ],
)
def test_only_what_a_checkout_waits_for_is_a_decision(method: str, path: str, expected: bool) -> None:
    assert is_decision(method, path) is expected
