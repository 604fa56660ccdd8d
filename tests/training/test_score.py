import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from training.score import Calibration, ScoreScale, grades, log_loss, log_odds, probability

SCALE = ScoreScale(pd_at_60=0.09, points_to_double_odds=10)


def test_both_anchors_hold() -> None:
    assert float(SCALE.score(log_odds(0.09))) == pytest.approx(60)
    half_the_odds = 0.09 / 0.91 / 2
    assert float(SCALE.score(log_odds(half_the_odds / (1 + half_the_odds)))) == pytest.approx(70)


def test_the_score_is_clipped_but_the_sum_is_not() -> None:
    extreme = log_odds(np.array([1e-9, 0.999999]))
    assert SCALE.score(extreme).tolist() == [100, 0]
    assert SCALE.unclipped(extreme)[0] > 100
    assert SCALE.unclipped(extreme) == pytest.approx(SCALE.base + SCALE.points_per_log_odds * extreme)


@given(st.floats(1e-6, 1 - 1e-6))
def test_the_pd_comes_back_from_the_score(pd: float) -> None:
    assert float(SCALE.pd_at(SCALE.unclipped(log_odds(pd)))) == pytest.approx(pd, rel=1e-9)
    assert float(probability(log_odds(pd))) == pytest.approx(pd, rel=1e-9)


def test_certain_probabilities_stay_finite() -> None:
    assert np.isfinite(log_odds([0.0, 1.0])).all()
    assert probability([-1e9, 1e9]).tolist() == pytest.approx([0, 1])
    assert np.isfinite(log_loss(np.array([1, 0], dtype=np.int8), np.array([0.0, 1.0]))).all()


def test_calibration_is_affine_and_keeps_the_order() -> None:
    calibration = Calibration(slope=0.8, intercept=-0.3)
    assert calibration.log_odds([0, 1]) == pytest.approx([-0.3, 0.5])
    with pytest.raises(ValidationError, match="greater than 0"):
        Calibration(slope=-1)


def test_grades_take_the_highest_cut_point_reached() -> None:
    cut_points = {"C": 60.0, "A": 80.0, "B": 70.0}
    assert grades([95, 80, 79.9, 60, 12], cut_points, "D").tolist() == ["A", "A", "B", "C", "D"]
