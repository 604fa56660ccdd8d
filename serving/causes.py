"""Causes of a decision: reasons that are no part of the score, with what each leads to, in the order they are told."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from serving.reasons import Reason
from serving.scoring import Flags

OVERRULES = 3
"""The severity of what leads to a person whatever else speaks against approving."""


@dataclass(frozen=True)
class Cause:
    """A reason with the rows it holds for; severity 1 asks for review (or skips), 2 declines, 3 overrules.

    `by`: the terms of the application of which another value may do away with it.
    """

    reason: Reason
    rows: Flags
    severity: int
    by: frozenset[str] = frozenset()


class Grave(Protocol):
    """What has a severity."""

    @property
    def severity(self) -> int:
        """How strongly it speaks against approving."""
        ...


AnyCause = TypeVar("AnyCause", bound=Grave)


def in_order(causes: Iterable[AnyCause], strongest_first: bool) -> list[AnyCause]:
    """Causes as they are told: what decided the outcome first, else as they were found."""
    return sorted(causes, key=lambda cause: -cause.severity) if strongest_first else list(causes)
