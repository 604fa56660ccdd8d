"""The benchmark of training sets: every way gives the same rows, and rows that are others are told."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks.scale_tables import EVENT, KEY, feature_names
from benchmarks.training_joins import DUCKDB, FEAST_FILE, FEATURES, OURS, POLARS, answer, differ, sums
from benchmarks.training_sets import lines, small


@pytest.mark.filterwarnings("ignore")
def test_every_way_is_measured_and_compared(tmp_path: Path) -> None:
    found = small(tmp_path, rows=300, rounds=1)
    assert {DUCKDB, POLARS, OURS, FEAST_FILE} <= found["1 view"].keys() == found["4 views"].keys()
    # Customers who were asked for before their first row.
    assert found["observations lost, 1 view"].keys() == {FEAST_FILE}
    assert [line.what.rpartition(" in ")[2] for line in lines(found, 300)] == ["1 view", "4 views"]


def frame(*rows: tuple[int, float | None]) -> pl.DataFrame:
    keys, values = zip(*rows, strict=True)
    times = pl.Series([0] * len(rows)).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame(
        {KEY: keys, EVENT: times, **{name: pl.Series(values, dtype=pl.Float32) for name in feature_names(FEATURES)}}
    )


def test_other_rows_are_told_and_only_the_file_store_may_lose_some() -> None:
    expected, fewer = frame((1, 0.5), (2, None)), frame((1, 0.5))
    assert differ(OURS, expected, expected) == 0
    assert differ(FEAST_FILE, fewer, expected) == 1
    for name, found in ((OURS, fewer), (FEAST_FILE, frame((1, 0.75))), (DUCKDB, frame((1, 0.5), (2, 1.0)))):
        with pytest.raises(AssertionError, match="other rows"):
            differ(name, found, expected)


def test_sums_are_the_same_in_any_order_and_other_for_other_values() -> None:
    one, turned, other = frame((1, 0.5), (2, 0.25)), frame((2, 0.25), (1, 0.5)), frame((1, 0.25), (2, 0.5))
    assert sums(one.to_arrow()) == sums(turned.to_arrow())
    assert sums(one.to_arrow()) != sums(other.to_arrow())
    assert answer(turned.to_arrow()).equals(answer(one.to_arrow()))
