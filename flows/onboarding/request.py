"""What a person asks for when they bring a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["risk", "propensity"]


class OnboardingError(ValueError):
    """The file cannot become a portfolio; the message says what was found, what was expected and what to try."""


@dataclass(frozen=True)
class Request:
    """A flat file, the columns that matter in it, and what to make of it; an empty `id`: rows are numbered."""

    name: str
    source: Path
    id: str
    time: str
    label: str
    protected: tuple[str, ...] = ()
    kind: Kind = "risk"
    matures: str = "month-end"
    positive: str | None = None
