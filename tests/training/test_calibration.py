import numpy as np
import pytest

from tests.training.made_up import scored
from training.calibration import choose_calibration, crossed_probability, fit_affine, fit_shift
from training.score import log_loss, probability


def halves(rows: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(rows) % 2


def test_affine_finds_what_was_done_to_the_log_odds() -> None:
    labels, raw = scored(20_000, slope=0.5, shift=0.7)
    found = fit_affine(labels, raw)
    assert (found.slope, found.intercept) == pytest.approx((0.5, 0.7), abs=0.05)


def test_shift_brings_the_mean_to_the_observed_rate() -> None:
    labels, raw = scored(5_000, shift=1.0)
    found = fit_shift(labels, raw)
    assert found.slope == 1
    assert found.probability(raw).mean() == pytest.approx(labels.mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("slope", "shift", "form"), [(1.0, 0.0, "identity"), (1.0, 0.8, "shift"), (0.4, 0.8, "affine")]
)
def test_the_simplest_form_that_is_right_is_chosen(slope: float, shift: float, form: str) -> None:
    labels, raw = scored(4_000, slope=slope, shift=shift)
    choice = choose_calibration(labels, raw, halves(4_000), np.zeros(4_000, dtype=np.int64))
    assert choice.form == form
    assert set(choice.held_out_log_loss) == {"identity", "shift", "affine"}


def test_a_reported_probability_never_saw_its_own_half() -> None:
    labels, raw = scored(600, shift=0.5)
    part = halves(600)
    before = crossed_probability("affine", labels, raw, part)
    flipped = np.where(part == 0, 1 - labels, labels).astype(np.int8)
    after = crossed_probability("affine", flipped, raw, part)
    assert before[part == 0] == pytest.approx(after[part == 0])
    assert before[part == 1] != pytest.approx(after[part == 1])


def test_a_model_that_ranks_backwards_is_shifted_not_turned_round() -> None:
    labels, raw = scored(3_000)
    assert fit_affine(labels, -raw).slope == 1


def test_it_mends_a_small_sample_without_breaking_it() -> None:
    labels, raw = scored(40)
    found = fit_affine(labels, raw)
    assert 0 < found.slope < 10
    assert log_loss(labels, found.probability(raw)).mean() <= log_loss(labels, probability(raw)).mean() + 1e-6


def test_one_class_in_a_half_leaves_it_as_it_is() -> None:
    labels = np.array([0, 1, 0, 1], dtype=np.int8)
    raw = np.array([-1.0, 1.0, -2.0, 2.0])
    assert crossed_probability("affine", labels, raw, halves(4)) == pytest.approx(probability(raw))


def test_a_level_that_comes_and_goes_is_not_corrected() -> None:
    months = [scored(2_000, seed=seed, shift=shift) for seed, shift in ((1, 0.5), (2, -0.5), (3, 0.5))]
    labels, raw = (np.concatenate(parts) for parts in zip(*months, strict=True))
    period = np.repeat([1, 2, 3], 2_000)
    assert choose_calibration(labels, raw, halves(6_000), period).form == "identity"
    assert choose_calibration(labels, raw, halves(6_000), np.zeros(6_000, dtype=np.int64)).form != "identity"


def test_a_level_that_stays_is_corrected() -> None:
    months = [scored(2_000, seed=seed, shift=0.5) for seed in (1, 2, 3)]
    labels, raw = (np.concatenate(parts) for parts in zip(*months, strict=True))
    choice = choose_calibration(labels, raw, halves(6_000), np.repeat([1, 2, 3], 2_000))
    assert choice.form == "shift"
    assert choice.calibration.intercept == pytest.approx(0.5, abs=0.1)
