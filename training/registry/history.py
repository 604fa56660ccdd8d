"""How the champion came to be: promotions put a release on top of a stack, rollbacks take the top one off.

Steps are appended to a log that gives each a number no other has. A step names the one it follows, so who was second
to follow the same step has lost, and every reader agrees on who that is, whenever it looks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar


class Numbered(Protocol):
    """A step of whatever history."""

    @property
    def number(self) -> int:
        """The number that no other step of its history has."""

    @property
    def after(self) -> int:
        """The number of the step it follows (0: none)."""


AnyStep = TypeVar("AnyStep", bound=Numbered)


@dataclass(frozen=True)
class Step:
    """One move of the champion's pointer; `at` is when it was made (RFC 3339), `by` who made it.

    `sha` and `version` are of the release that was promoted or rolled back, `champion` is the one on top since, and
    `after` the number of the step it follows (0: none).
    """

    number: int
    action: Literal["promote", "rollback"]
    sha: str
    version: int
    champion: str
    by: str
    at: str
    after: int


def valid(steps: Iterable[AnyStep]) -> list[AnyStep]:
    """The steps that count, oldest first: each follows the last one that counted before it."""
    counted: list[AnyStep] = []
    for step in sorted(steps, key=lambda step: step.number):
        if step.after == (counted[-1].number if counted else 0):
            counted.append(step)
    return counted


def stack(steps: Sequence[Step]) -> list[Step]:
    """The promotions still standing, the champion's last; empty before the first one."""
    standing: list[Step] = []
    for step in steps:
        if step.action == "promote":
            standing.append(step)
        else:
            standing.pop()
    return standing
