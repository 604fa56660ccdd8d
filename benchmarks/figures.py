"""The figures of a benchmark as they are printed and written."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figures:
    """One line of a table; `ours` is the platform's model, `published` was measured by others."""

    name: str
    values: Mapping[str, float | str]
    ours: bool = False
    published: bool = False


@dataclass(frozen=True)
class Goal:
    """A figure beside what the project set itself."""

    name: str
    value: float
    goal: float
    at_least: bool = True
    met: bool = field(init=False)

    def __post_init__(self) -> None:
        """Compare the value as it is, unrounded."""
        reached = self.value >= self.goal if self.at_least else self.value <= self.goal
        object.__setattr__(self, "met", reached)


@dataclass(frozen=True)
class Line:
    """A line of README's table: what was measured beside goal, peer and floor, as people read them."""

    what: str
    goal: str
    measured: str
    peer: str
    floor: str
    reached: bool


@dataclass(frozen=True)
class Section:
    """One table with its goals."""

    title: str
    note: str
    headings: tuple[str, ...]
    rows: tuple[Figures, ...]
    goals: tuple[Goal, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)
