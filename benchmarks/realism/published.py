"""Published figures beside the world's, each with its source and terms: `published.yaml`."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

FILE = Path(__file__).with_name("published.yaml")


@dataclass(frozen=True)
class Series:
    """A few figures of one source: what is counted, where it was read, on what terms, how it came about."""

    what: str
    source: str
    terms: str
    counted: str
    at: tuple[float | str, ...]
    values: tuple[float, ...]
    of: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Every value has its place."""
        if len(self.at) != len(self.values) or len(self.of) not in (0, len(self.values)):
            raise ValueError(f"{self.what}: {len(self.values)} values at {len(self.at)} places; expected as many")

    @property
    def places(self) -> npt.NDArray[np.float64]:
        """Places that are numbers."""
        return np.array(self.at, np.float64)

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """The values as numbers."""
        return np.array(self.values, np.float64)

    def of_place(self, name: str) -> float:
        """The value at a named place."""
        return self.values[self.at.index(name)]


@cache
def published() -> dict[str, Series]:
    """All series by name."""
    read: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: _series(fields) for name, fields in read.items()}


def _series(fields: dict[str, Any]) -> Series:
    lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return Series(**{**fields, **lists})
