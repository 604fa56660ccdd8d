"""What the pictures of the world count."""

import numpy as np
import pytest

from benchmarks.realism.lending import _moves


def test_moves_from_a_stage_add_up() -> None:
    before = np.array([1, 1, 1, 1, 2, 2, 0])
    after = np.array([0, 1, 2, 2, 1, 3, 2])
    late, later = _moves(before, after, (1, 2))
    assert late == pytest.approx((0.25, 0.25, 0.5))
    assert later == pytest.approx((0.0, 0.5, 0.5))
