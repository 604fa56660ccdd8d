import numpy as np

from features.spec import EVENT
from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training.digests import frame_digest
from training.labels import KNOWN, LABEL
from training.task import checked_task
from training.windows import months_of

TASK = checked_task(spec(), frame(), COLUMNS, (), AS_OF)
SOME = np.arange(TASK.height) % 3 != 0


def test_a_part_has_the_rows_in_their_order_and_a_part_of_it_has_some_of_these() -> None:
    part, expected = TASK.part(SOME), TASK.whole.filter(SOME)
    assert part.height == expected.height
    assert part.frame.equals(expected)
    assert part.about().equals(expected.select(part.keys.name, EVENT, LABEL, KNOWN))
    assert part.labels.tolist() == expected[LABEL].to_list()
    assert part.months.tolist() == months_of(expected).tolist()
    places = np.array([4, 0, 7])
    assert part.drawn(places).equals(expected[places])
    odd = np.arange(part.height) % 2 == 1
    assert part.part(odd).frame.equals(expected.filter(odd))
    assert part.part(odd).drawn(places).equals(expected.filter(odd)[places])


def test_a_part_learns_and_scores_as_the_same_rows_alone() -> None:
    part, alone = TASK.part(SOME), checked_task(spec(), TASK.whole.filter(SOME), COLUMNS, (), AS_OF)
    model = part.fit()
    assert model.dump() == alone.fit().dump()
    assert part.scored(model).tolist() == alone.scored(model).tolist()


def test_all_rows_are_the_task_itself() -> None:
    assert TASK.part(np.ones(TASK.height, dtype=bool)) is TASK


def test_the_digest_of_some_rows_is_that_of_a_frame_of_them() -> None:
    assert frame_digest(TASK.whole, SOME) == frame_digest(TASK.whole.filter(SOME))
    assert frame_digest(TASK.whole, SOME) != frame_digest(TASK.whole, ~SOME)
