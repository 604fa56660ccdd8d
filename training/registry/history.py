"""How the champion came to be: promotions put a release on top of a stack, rollbacks take the top one off."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Step:
    """One move of the champion's pointer; `at` is when it was made (RFC 3339), `by` who made it."""

    number: int
    action: Literal["promote", "rollback"]
    sha: str
    version: int
    by: str
    at: str


def stack(steps: Sequence[Step]) -> list[Step]:
    """The promotions still standing, the champion's last; empty before the first one."""
    standing: list[Step] = []
    for step in sorted(steps, key=lambda step: step.number):
        if step.action == "promote":
            standing.append(step)
        else:
            standing.pop()
    return standing
