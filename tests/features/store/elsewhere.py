"""Parts that are worked on elsewhere: as another process would, from pickles and back to pickles, in no other one."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cloudpickle

worked_on = Counter[str]()
"""How many `parts` there were so far: whoever ignores the setting `each` makes none."""


def elsewhere(function: Callable[[Any], Any], parts: Iterable[Any], /) -> Iterator[Any]:
    """What the function makes of each part, one after the other."""
    for part in list(parts):
        worked_on["parts"] += 1
        there, given = cloudpickle.loads(cloudpickle.dumps((function, part)))
        yield cloudpickle.loads(cloudpickle.dumps(there(given)))


ELSEWHERE = f"{__name__}.{elsewhere.__name__}"
