import weakref

import pytest

from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training import boosted, holdout
from training.boosted import Boosted
from training.task import Task, checked_task
from training.windows import Rows


@pytest.mark.parametrize(("small", "at_once"), [(0, 1), (boosted.SMALL, boosted.THREADS)], ids=["large", "small"])
def test_no_more_parts_are_held_than_fits_run_side_by_side(
    monkeypatch: pytest.MonkeyPatch, small: int, at_once: int
) -> None:
    """All six windows' rows were taken before the first fit: of a large matrix three times its memory."""
    task = checked_task(spec(), frame(), COLUMNS, (), AS_OF)
    held: weakref.WeakSet[Task] = weakref.WeakSet()
    seen: list[int] = []
    part, fit = Task.part, Task.fit

    def watched_part(self: Task, rows: Rows) -> Task:
        taken = part(self, rows)
        held.add(taken)
        return taken

    def watched_fit(self: Task) -> Boosted:
        seen.append(len(held))
        return fit(self)

    monkeypatch.setattr(boosted, "SMALL", small)
    monkeypatch.setattr(holdout, "_tried", {})
    monkeypatch.setattr(Task, "__hash__", object.__hash__)  # by identity: frames have no hash
    monkeypatch.setattr(Task, "part", watched_part)
    monkeypatch.setattr(Task, "fit", watched_fit)
    holdout.hold_out(task, lambda _: None)
    assert len(seen) == 6
    assert max(seen) <= at_once
