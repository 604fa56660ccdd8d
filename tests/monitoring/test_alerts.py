from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.calendar import month_ends
from monitoring.alerts import assess, judge, verdict
from monitoring.metric import LEVELS, Level, to_frame
from monitoring.spec import MonitoringSpec, Persistence, Watch
from tests.monitoring.months import AS_OF, metric

WATCH = Watch(
    metric="score_psi",
    side="above",
    yellow=0.1,
    orange=0.25,
    red=0.5,
    persistence=Persistence(orange=2, red=3),
    clear=0.8,
    minimum=100,
)
SPEC = MonitoringSpec(watch=(WATCH,), told={"yellow": ("owner",), "red": ("owner", "officer")})
VALUES = st.floats(-0.1, 1, allow_nan=False)


def run(values: list[float], watch: Watch = WATCH) -> list[Level]:
    """Levels of months that follow each other."""
    levels: list[Level] = []
    for value in values:
        levels.append(assess(metric(value=value), watch, levels[::-1]).level)
    return levels


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.05], "ok"),
        ([0.1], "yellow"),
        ([0.3], "orange"),
        ([0.5], "red"),
        ([0.05, 0.12, 0.12], "orange"),
        ([0.12, 0.12, 0.12], "red"),
        ([0.12, 0.09], "yellow"),
        ([0.12, 0.09, 0.07], "ok"),
        ([0.12, 0.05, 0.12], "yellow"),
        ([0.05, 0.09], "ok"),
    ],
)
def test_sequences(values: list[float], expected: Level) -> None:
    assert run(values)[-1] == expected


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=12))
def test_no_value_over_a_threshold_is_let_pass(values: list[float]) -> None:
    for value, level in zip(values, run(values), strict=True):
        reached = sum(value >= threshold for threshold in (0.1, 0.25, 0.5))
        assert LEVELS.index(level) >= reached
        assert value >= 0.08 or level == "ok"


@settings(deadline=None)
@given(st.lists(VALUES, max_size=8), VALUES, VALUES)
def test_a_worse_value_is_never_a_better_level(past: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert LEVELS.index(run([*past, low])[-1]) <= LEVELS.index(run([*past, high])[-1])


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=12))
def test_without_red_thresholds_nothing_pauses(values: list[float]) -> None:
    watch = WATCH.model_copy(update={"red": None, "persistence": Persistence(orange=2)})
    assert "red" not in run(values, watch)


@settings(deadline=None)
@given(VALUES, st.integers(0, 99))
def test_too_few_rows_are_ok_and_say_so(value: float, n: int) -> None:
    found = assess(metric(value=value, n=n), WATCH, ["red", "red"])
    assert found.level == "ok"
    assert found.note == f"too few: {n} of 100"


def test_an_interval_must_be_over_as_a_whole() -> None:
    watch = WATCH.model_copy(update={"evidence": "interval"})
    assert assess(metric(value=0.3, low=0.05, high=0.55), watch).level == "ok"
    assert assess(metric(value=0.3, low=0.26, high=0.34), watch).level == "orange"


def test_below_and_outside() -> None:
    auc = Watch(metric="auc", side="below", yellow=0.7, orange=0.65, evidence="interval", clear=0.98)
    assert assess(metric(name="auc", value=0.64, low=0.6, high=0.68), auc).level == "yellow"
    assert assess(metric(name="auc", value=0.64, low=0.57, high=0.71), auc).level == "ok"
    assert assess(metric(name="auc", value=0.68, low=0.65, high=0.705), auc, ["yellow"]).note == "not yet clear"
    ratio = Watch(metric="observed_to_predicted", side="outside", yellow=1.25, orange=2)
    assert assess(metric(value=1.3), ratio).level == "yellow"
    assert assess(metric(value=0.5), ratio).level == "orange"
    assert assess(metric(value=0.9), ratio).level == "ok"
    assert assess(metric(value=0.0), ratio).level == "orange"


def test_judge_looks_back_over_months_with_too_few_rows() -> None:
    first, second, third = month_ends(date(2005, 5, 1), AS_OF)
    kept = [metric(as_of=first, value=0.2, level="yellow"), metric(as_of=second, n=5, note="too few: 5 of 100")]
    (found,) = judge([metric(as_of=third, value=0.2)], SPEC, to_frame(kept))
    assert (found.level, found.note) == ("orange", "2 months in a row")


def test_another_role_or_model_has_its_own_history() -> None:
    kept = [metric(as_of=date(2005, 6, 30), value=0.2, level="yellow", role="frozen")]
    (found,) = judge([metric(value=0.2)], SPEC, to_frame(kept))
    assert found.level == "yellow"


def test_of_two_releases_in_a_month_the_worse_counts() -> None:
    june = date(2005, 6, 30)
    kept = [metric(as_of=june, release="b", level="yellow"), metric(as_of=june, release="c", level="ok")]
    (found,) = judge([metric(value=0.2)], SPEC, to_frame(kept))
    assert found.level == "orange"


def test_the_verdict_is_the_champion_s_alone() -> None:
    red, frozen = metric(level="red"), metric(level="red", role="frozen")
    said = verdict("cards", AS_OF, [red, metric(name="auc")], SPEC)
    assert (said.level, said.told, said.raised) == ("red", ("owner", "officer"), (red,))
    assert verdict("cards", AS_OF, [frozen], SPEC).level == "ok"
