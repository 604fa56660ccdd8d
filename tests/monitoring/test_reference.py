"""The texts of a reference's bins: short where they can be, and always of numbers there are."""

import sys

from features.profiles import MISSING, ColumnProfile
from monitoring.reference import labels


def bins(*edges: float) -> ColumnProfile:
    return ColumnProfile(dtype="float", edges=edges, counts=(0,) * (len(edges) + 2))


def test_no_more_digits_than_tell_the_bins_apart() -> None:
    assert labels(bins(0.3, 0.6666666)) == ("under 0.3", "0.3 to 0.67", "0.67 and over", MISSING)
    assert labels(bins(0.666, 0.667)) == ("under 0.666", "0.666 to 0.667", "0.667 and over", MISSING)


def test_the_largest_number_is_not_told_as_infinity() -> None:
    assert labels(bins(sys.float_info.max))[0] == "under 1.79769e+308"
