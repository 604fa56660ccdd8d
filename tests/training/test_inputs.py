import numpy as np
import polars as pl
import pytest

from tests.training.made_up import COLUMNS
from training.inputs import MISSING, InputError, encode, input_order

FRAME = pl.DataFrame({"trade": ["baker", None], "income": [1, None], "debt": [0.5, 2.0], "other": ["x", "y"]})


def test_numbers_come_first_and_keep_their_order() -> None:
    assert [column.name for column in input_order(COLUMNS)] == ["debt", "income", "trade"]


def test_missing_values_are_nan_and_a_category_of_their_own() -> None:
    found = encode(FRAME, input_order(COLUMNS))
    assert found.numbers.dtype == np.float32
    assert np.isnan(found.numbers[1, 1])
    assert found.categories[:, 0].tolist() == ["baker", MISSING]


def test_no_rows_and_no_categories_keep_their_shape() -> None:
    assert encode(FRAME.clear(), input_order(COLUMNS)).numbers.shape == (0, 2)
    assert encode(FRAME, COLUMNS[:1]).categories.shape == (2, 0)
    assert encode(FRAME, COLUMNS[1:2]).numbers.shape == (2, 0)


def test_some_rows_are_those_of_a_frame_of_them_column_by_column_in_memory() -> None:
    """As CatBoost reads numbers without a copy of its own."""
    rows = np.array([False, True])
    found, expected = encode(FRAME, input_order(COLUMNS), rows), encode(FRAME.filter(rows), input_order(COLUMNS))
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    assert found.categories.tolist() == expected.categories.tolist() == [[MISSING]]
    assert encode(FRAME, input_order(COLUMNS)).numbers.flags.f_contiguous


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (FRAME.drop("debt"), r"no column \['debt'\]"),
        (FRAME.with_columns(debt=pl.lit("1")), r"columns \['debt'\] are \['String'\]; expected numbers"),
        (FRAME.with_columns(debt=pl.lit(float("inf"))), r"\['debt'\] hold an infinite value"),
        (FRAME.with_columns(debt=pl.lit(1e300)), r"\['debt'\] hold an infinite value"),
    ],
)
def test_what_a_model_cannot_read_is_refused(frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(InputError, match=said):
        encode(frame, input_order(COLUMNS))
