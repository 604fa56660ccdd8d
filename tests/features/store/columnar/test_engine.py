"""The settings of the columnar compute engine."""

from datetime import datetime

import pytest
from pydantic import ValidationError

from features.store.columnar.engine import ColumnarComputeEngineConfig, _parts


@pytest.mark.parametrize("days", [-1.0, 0.0, 1e-13, float("nan"), float("inf"), 1e12])
def test_slices_that_would_never_end_are_refused(days: float) -> None:
    with pytest.raises(ValidationError, match=r"slice_days: found .*, expected days between 0\.0417 \(an hour\)"):
        ColumnarComputeEngineConfig(slice_days=days)


@pytest.mark.parametrize(("days", "parts"), [(None, 1), (1 / 24, 48), (1.5, 2), (100_000.0, 1)])
def test_slices_cover_the_time_once(days: float | None, parts: int) -> None:
    config = ColumnarComputeEngineConfig(slice_days=days)
    found = list(_parts(datetime(2024, 1, 1), datetime(2024, 1, 3), config.slice_days))
    assert len(found) == parts
    assert [begin for begin, _ in found[1:]] == [end for _, end in found[:-1]]
    assert (found[0][0], found[-1][1]) == (datetime(2024, 1, 1), datetime(2024, 1, 3))
