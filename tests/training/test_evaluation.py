import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve
from sklearn.metrics import log_loss as sklearn_log_loss

from tests.training.made_up import scored
from training.evaluation import OneClass, auc, calibration_bins, calibration_error, evaluate, gains, ks, roc
from training.score import probability


def test_figures_are_those_of_scikit_learn() -> None:
    labels, raw = scored(3_000)
    p = np.round(probability(raw), 2)  # with ties
    found = evaluate(labels, p)
    false_positive, true_positive, _ = roc_curve(labels, p)
    assert found.auc.value == pytest.approx(roc_auc_score(labels, p))
    assert found.ks == pytest.approx(np.max(true_positive - false_positive))
    assert found.brier == pytest.approx(brier_score_loss(labels, p))
    assert found.log_loss == pytest.approx(sklearn_log_loss(labels, np.clip(p, 1e-15, 1 - 1e-15)))
    assert (found.rows, found.events) == (3_000, int(labels.sum()))


def test_the_curve_encloses_the_auc() -> None:
    labels, raw = scored(500)
    false_positive, true_positive = roc(labels, raw)
    assert (false_positive[0], true_positive[0], false_positive[-1], true_positive[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(true_positive, false_positive) == pytest.approx(auc(labels, raw).value)


def test_delongs_interval_covers_as_often_as_it_says() -> None:
    truth = auc(*scored(200_000, seed=99)).value
    covered = sum((found := auc(*scored(250, seed=seed))).low <= truth <= found.high for seed in range(400))
    assert 0.92 <= covered / 400 <= 0.98


def test_true_probabilities_are_calibrated_and_shifted_ones_are_not() -> None:
    labels, raw = scored(50_000)
    right, wrong = evaluate(labels, probability(raw)), evaluate(labels, probability(raw * 1.5 + 0.5))
    assert right.calibration_error < 0.01 < wrong.calibration_error
    assert (right.calibration_slope, right.calibration_intercept) == pytest.approx((1, 0), abs=0.05)
    assert wrong.calibration_slope == pytest.approx(1 / 1.5, abs=0.05)


def test_bins_hold_equally_many_rows() -> None:
    labels, raw = scored(1_003)
    rows = [n for _, _, n in calibration_bins(labels, probability(raw))]
    assert (sum(rows), max(rows) - min(rows)) == (1_003, 1)
    assert calibration_error(labels[:4], probability(raw[:4])) >= 0


def test_gains_of_a_perfect_and_a_useless_model() -> None:
    labels = np.array([1] * 10 + [0] * 90, dtype=np.int8)
    assert gains(labels, np.linspace(1, 0, 100))[0] == 1
    assert gains(labels, np.linspace(0, 1, 100)).tolist() == [0] * 9 + [1]


def test_a_perfect_model_has_no_width_and_one_class_no_auc() -> None:
    labels = np.array([0, 0, 1, 1], dtype=np.int8)
    assert auc(labels, np.array([0.1, 0.2, 0.8, 0.9])).low == 1
    assert ks(labels, np.array([0.1, 0.2, 0.8, 0.9])) == 1
    with pytest.raises(OneClass, match="0 events and 2 others among 2 rows"):
        auc(labels[:2], np.array([0.1, 0.2]))
