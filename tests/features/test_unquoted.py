from io import BytesIO

import polars as pl
import pytest

from features.unquoted import unquoted


def test_a_value_that_is_not_of_its_columns_type_is_not_shown() -> None:
    rows = b"entity_id,amount\n" + b"1,2\n" * 200 + b"1,Jane Doe\n"
    with pytest.raises(pl.exceptions.PolarsError) as caught:
        pl.read_csv(BytesIO(rows))
    assert "Jane" in str(caught.value)
    assert unquoted(caught.value) == "could not parse a value as dtype `i64` at column 'amount' (column number 2)"


def test_values_that_cannot_be_cast_are_not_shown() -> None:
    with pytest.raises(pl.exceptions.PolarsError) as caught:
        pl.Series("income", ["1", "Jane Doe"]).cast(pl.Int64)
    told = unquoted(caught.value)
    assert "Jane" not in told
    assert "'income'" in told
