import weakref

import numpy as np
import polars as pl
import pytest

from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training import boosted, holdout
from training.boosted import Boosted, encode
from training.inputs import Inputs
from training.task import Task, checked_task


@pytest.mark.parametrize(("small", "at_once"), [(0, 1), (boosted.SMALL, boosted.THREADS)], ids=["large", "small"])
def test_a_candidates_rows_are_copied_once_and_only_while_it_is_fitted(
    monkeypatch: pytest.MonkeyPatch, small: int, at_once: int
) -> None:
    """All six windows' rows were taken before the first fit, and again as CatBoost reads them."""
    task = checked_task(spec(), frame(), COLUMNS, (), AS_OF)
    held: list[weakref.ref[np.ndarray]] = []
    seen: list[int] = []
    fit = Task.fit

    def watched_encode(*given: object) -> Inputs:
        found = encode(*given)  # type: ignore[arg-type]
        held.append(weakref.ref(found.numbers))
        seen.append(sum(array() is not None for array in held))
        return found

    def watched_frame(self: Task) -> pl.DataFrame:
        assert self.rows is None, "a part is a choice of rows, not a copy of them"
        return self.whole

    fitted: list[int] = []

    def watched_fit(self: Task) -> Boosted:
        fitted.append(self.height)
        return fit(self)

    monkeypatch.setattr(boosted, "SMALL", small)
    monkeypatch.setattr(boosted, "encode", watched_encode)
    monkeypatch.setattr(holdout, "_tried", {})
    monkeypatch.setattr(Task, "frame", property(watched_frame))
    monkeypatch.setattr(Task, "fit", watched_fit)
    holdout.hold_out(task, lambda _: None)
    assert len(fitted) == 6
    assert max(seen) <= at_once
