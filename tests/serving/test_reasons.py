import numpy as np

from serving.reasons import CAUSES, group_inputs, strongest

POINTS = np.array([[3.0, -5.0, 0.0, -1.0], [np.nan] * 4])


def test_an_unfavourable_outcome_names_first_what_lowered_most():
    assert strongest(POINTS, np.array([False, False]), 3).tolist() == [[1, 3, 0], [-1, -1, -1]]


def test_a_favourable_outcome_names_first_what_raised_most():
    assert strongest(POINTS, np.array([True, True]), 2).tolist() == [[0, 1], [-1, -1]]


def test_what_moved_nothing_is_not_named():
    assert strongest(POINTS, np.array([True, True]), 4).tolist() == [[0, 1, 3, -1], [-1] * 4]


def test_inputs_are_grouped_by_code_and_the_rest_comes_last():
    codes, groups = group_inputs(["a", "b", "c", "d"], {"X": ["d", "a"], "Y": ["absent"], "Z": ["c"]})
    assert codes == ["X", "Z"]
    assert groups == [[3, 0], [2], [1]]


def test_every_cause_has_both_languages():
    assert all(cause.en and cause.zh and cause.points is None for cause in CAUSES.values())
