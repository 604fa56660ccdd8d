import numpy as np
import pytest

from serving.profit import break_even, profit_curve
from training.score import ScoreScale

SCALE = ScoreScale(pd_at_60=0.1, points_to_double_odds=10)


def customers(rows: int = 4000):
    random = np.random.default_rng(1)
    score = random.uniform(0, 100, rows)
    bad = (random.random(rows) < SCALE.pd_at(score)).astype(np.int8)
    return score, bad, np.arange(rows) // 2


def test_the_profit_at_a_cut_off_is_what_those_above_it_earn():
    score, bad, entities = customers()
    curve = profit_curve(score, bad, entities, margin=1, loss=9, current=59.5, resamples=50)
    for cut in (0, 37, 60, 100):
        above = score >= cut
        expected = 1000 * (np.sum(above & (bad == 0)) - 9 * np.sum(above & (bad == 1))) / len(score)
        assert curve.profit[cut] == pytest.approx(expected)
        assert curve.approved[cut] == pytest.approx(above.mean())
    assert curve.current == 60
    assert (curve.low <= curve.profit).mean() > 0.95


def test_the_best_cut_off_is_near_the_break_even():
    score, bad, entities = customers(20_000)
    curve = profit_curve(score, bad, entities, margin=1, loss=9, current=95, resamples=100)
    pd, at = break_even(1, 9, SCALE)
    assert (pd, at) == (pytest.approx(0.1), pytest.approx(60))
    assert curve.best_low <= at <= curve.best_high
    assert curve.recommended == curve.best
    assert curve.gain_low > 0 < curve.unseen


def test_chance_moves_no_cut_off():
    score, bad, entities = customers(400)
    curve = profit_curve(score, bad, entities, margin=1, loss=9, current=60, resamples=200)
    assert curve.recommended == 60


def test_a_cut_off_nobody_reaches_has_no_bad_rate():
    curve = profit_curve(np.array([10.0, 20.0]), np.array([0, 1], np.int8), np.arange(2), margin=1, loss=1, current=5)
    assert np.isnan(curve.bad_rate[21])
