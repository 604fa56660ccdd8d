"""State as columns: a dataclass of NumPy arrays, one row a person, a loan, a device."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Frame = Mapping[str, Array]
"""Rows of one table before they are written: equally long arrays by column; an enumerated column holds codes."""


@dataclass
class Columns:
    """Equally long arrays. Processes change values in place; rows are added and dropped here."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def arrays(self) -> dict[str, Array]:
        """All columns by name, as a checkpoint keeps them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Self:
        """The columns that `arrays()` gave."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def extended(self, other: Self) -> Self:
        """These rows and behind them the other's."""
        theirs = other.arrays()
        return type(self).of({name: np.concatenate([mine, theirs[name]]) for name, mine in self.arrays().items()})

    def kept(self, keep: Array | slice) -> Self:
        """The rows that a mask, an index or a slice names; a slice of them is a copy too."""
        return type(self).of(
            {
                name: column[keep].copy() if isinstance(keep, slice) else column[keep]
                for name, column in self.arrays().items()
            }
        )
