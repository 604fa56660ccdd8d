import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from numpy.typing import NDArray

from training.fairness import (
    MISSING,
    adverse_impact_ratio,
    approval_gap,
    banded,
    false_positive_gap,
    true_positive_gap,
    wilson,
)

Sample = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.str_]]


@pytest.fixture
def sample() -> Sample:
    random = np.random.default_rng(5)
    groups = random.choice(["a", "b", "c"], p=[0.5, 0.3, 0.2], size=3_000)
    deserving = random.random(3_000) < 0.7
    rate = 0.3 + 0.4 * deserving + np.select([groups == "a", groups == "b"], [0.1, 0.0], default=-0.1)
    return deserving, random.random(3_000) < rate, groups


def test_gaps_are_those_of_fairlearn(sample: Sample) -> None:
    deserving, approved, groups = sample
    assert approval_gap(approved, groups=groups).value == pytest.approx(
        demographic_parity_difference(deserving, approved, sensitive_features=groups)
    )
    assert adverse_impact_ratio(approved, groups=groups).value == pytest.approx(
        demographic_parity_ratio(deserving, approved, sensitive_features=groups)
    )
    for ours, theirs in ((true_positive_gap, true_positive_rate), (false_positive_gap, false_positive_rate)):
        frame = MetricFrame(metrics=theirs, y_true=deserving, y_pred=approved, sensitive_features=groups)
        found = ours(deserving, approved, groups=groups)
        assert found.value == pytest.approx(frame.difference())
        assert {name: rate.rate for name, rate in found.by_group.items()} == pytest.approx(frame.by_group.to_dict())


def test_rates_are_those_of_fairlearn(sample: Sample) -> None:
    deserving, approved, groups = sample
    frame = MetricFrame(metrics=selection_rate, y_true=deserving, y_pred=approved, sensitive_features=groups)
    found = approval_gap(approved, groups=groups)
    assert {name: rate.rate for name, rate in found.by_group.items()} == pytest.approx(frame.by_group.to_dict())
    assert (found.highest, found.lowest) == (frame.by_group.idxmax(), frame.by_group.idxmin())


def test_intervals_cover_the_true_gap_at_least_as_often_as_they_say() -> None:
    random, covered = np.random.default_rng(8), 0
    groups = np.repeat(["a", "b"], 300)
    for _ in range(400):
        approved = random.random(600) < np.where(groups == "a", 0.8, 0.6)
        gap, ratio = approval_gap(approved, groups=groups), adverse_impact_ratio(approved, groups=groups)
        assert gap.low is not None
        assert gap.high is not None
        assert ratio.low is not None
        assert ratio.high is not None
        covered += (gap.low <= 0.2 <= gap.high) + (ratio.low <= 0.75 <= ratio.high)
    assert covered / 800 >= 0.93


def test_more_groups_widen_the_interval(sample: Sample) -> None:
    _, approved, groups = sample
    three = approval_gap(approved, groups=groups)
    pair = np.isin(groups, [three.highest, three.lowest])
    two = approval_gap(approved[pair], groups=groups[pair])
    assert two.value == three.value
    assert (three.high or 0) > (two.high or 0)


def test_a_small_group_is_named_and_left_out() -> None:
    approved = np.r_[np.ones(300), np.zeros(100), np.zeros(5)].astype(bool)
    groups = np.r_[np.repeat("a", 200), np.repeat("b", 200), np.repeat("tiny", 5)]
    found = approval_gap(approved, groups=groups, smallest=50)
    assert found.small == ("tiny",)
    assert (found.value, found.lowest) == (0.5, "b")
    assert found.by_group["tiny"].n == 5


def test_nothing_to_compare_is_none_not_zero() -> None:
    alone = approval_gap(np.ones(200, dtype=bool), groups=np.repeat("a", 200))
    assert (alone.value, alone.low, alone.highest) == (None, None, "a")
    nobody = adverse_impact_ratio(np.zeros(400, dtype=bool), groups=np.repeat(["a", "b"], 200))
    assert nobody.value is None


def test_a_group_without_any_approval_has_ratio_nought() -> None:
    approved = np.repeat([True, False], 200)
    found = adverse_impact_ratio(approved, groups=np.repeat(["a", "b"], 200))
    assert (found.value, found.low) == (0, 0)
    assert 0 < (found.high or 0) < 0.1


def test_equal_groups_have_no_gap_and_missing_is_a_group() -> None:
    approved = np.tile([True, False], 200)
    found = approval_gap(approved, groups=np.array([None, None, "a", "a"] * 100, dtype=object))
    assert (found.value, found.low) == (0, 0)
    assert set(found.by_group) == {MISSING, "a"}


def test_decisions_and_groups_must_match() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) decisions but \(2,\) groups"):
        approval_gap([True, False, True], groups=["a", "b"])


def test_bands_name_what_they_hold() -> None:
    found = banded([18, 25, 44.9, 60, float("nan")], (25, 45))
    assert found.tolist() == ["under 25", "25–45", "25–45", "45 and over", MISSING]


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (3, 10), (0, 0)])
def test_wilson_stays_inside_nought_and_one(hits: int, n: int) -> None:
    low, high = wilson(hits, n, 1.96)
    assert 0 <= low <= (hits / n if n else 0) <= high <= 1
