"""What the record of a decision says of the canary it was part of."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from serving.log.record import Record

MARK = "canary"
"""Under this name it stands in the record's context."""
Arm = Literal["champion", "canary"]


def marked(records: Sequence[Record], number: int, arm: Arm, began: float, failed: str = "") -> list[Record]:
    """The records, each saying of which step of a trial and in which arm it was decided, and within how many seconds.

    Many at once took their time together: of one of them it is not known. `failed`: what the challenger failed by, so
    that the champion decided.
    """
    seconds = {"seconds": round(time.perf_counter() - began, 6)} if len(records) == 1 else {}
    mark = {"trial": number, "arm": arm, **seconds, **({"failed": failed} if failed else {})}
    return [replace(record, context={**record.context, MARK: dict(mark)}) for record in records]
