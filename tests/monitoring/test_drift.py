import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.drift import DriftError, psi

COUNTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=12).filter(
    lambda pairs: sum(q for q, _ in pairs) > 0 and sum(p for _, p in pairs) > 0
)


def naive(reference: list[int], current: list[int]) -> float:
    """PSI by the book, with half a row added to every bin in use."""
    pairs = [(q, p) for q, p in zip(reference, current, strict=True) if q or p]
    q_sum, p_sum = (sum(pair[side] for pair in pairs) + 0.5 * len(pairs) for side in (0, 1))
    total = 0.0
    for q, p in pairs:
        q_share, p_share = (q + 0.5) / q_sum, (p + 0.5) / p_sum
        total += (p_share - q_share) * math.log(p_share / q_share)
    return total


@settings(deadline=None)
@given(COUNTS)
def test_raw_psi_is_that_of_the_book(pairs: list[tuple[int, int]]) -> None:
    reference, current = ([pair[side] for pair in pairs] for side in (0, 1))
    found = psi(reference, current)
    assert found.raw == pytest.approx(naive(reference, current), abs=1e-12)
    assert found.low <= found.corrected <= found.high


def test_same_shares_have_no_psi() -> None:
    found = psi([100] * 10, [100] * 10)
    assert found.raw == 0
    assert found.corrected == -found.expected


def test_known_case() -> None:
    found = psi([5000, 5000], [8000, 2000])
    assert found.raw == pytest.approx((0.8 - 0.5) * math.log(1.6) + (0.2 - 0.5) * math.log(0.4), rel=1e-3)


def test_chance_alone_in_a_small_sample_is_corrected_away() -> None:
    rng = np.random.default_rng(7)
    found = [psi(rng.multinomial(3000, [0.1] * 10), rng.multinomial(300, [0.1] * 10)) for _ in range(400)]
    assert np.mean([one.raw for one in found]) == pytest.approx(9 * (1 / 300 + 1 / 3000), rel=0.1)
    assert np.mean([one.corrected for one in found]) == pytest.approx(0, abs=0.003)
    assert np.mean([one.low <= 0 for one in found]) > 0.95


def test_interval_covers_a_true_drift() -> None:
    rng = np.random.default_rng(8)
    q, p = np.full(10, 0.1), np.array([0.18, 0.15, 0.13, 0.11, 0.1, 0.09, 0.08, 0.06, 0.05, 0.05])
    true = float(np.sum((p - q) * np.log(p / q)))
    found = [psi(rng.multinomial(10000, q), rng.multinomial(400, p)) for _ in range(400)]
    assert np.mean([one.low <= true <= one.high for one in found]) > 0.92


def test_a_bin_nobody_is_in_changes_nothing() -> None:
    assert psi([50, 70, 0], [60, 60, 0]) == psi([50, 70], [60, 60])


@pytest.mark.parametrize(("reference", "current"), [([1, 2], [1, 2, 3]), ([0, 0], [1, 2]), ([3, 4], [0, 0])])
def test_samples_that_cannot_be_compared_are_refused(reference: list[int], current: list[int]) -> None:
    with pytest.raises(DriftError, match="expected"):
        psi(reference, current)
