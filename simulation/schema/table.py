"""What a table is: typed columns with meanings, a key, and two clocks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from polars._typing import PolarsDataType

from simulation.columns import Array, Frame

EVENT = "event_timestamp"
CREATED = "created_timestamp"
MOMENT = pl.Datetime("us", "UTC")
UNREADABLE = 255
"""The code of a named value that could not be read: it lands as missing."""


class Levels(tuple[str, ...]):
    """Names of an enumerated column; events carry their places as codes."""

    def __new__(cls, *names: str) -> "Levels":
        """Levels in the order of their codes."""
        return super().__new__(cls, names)

    def code(self, name: str) -> int:
        """The place of a level."""
        return self.index(name)


@dataclass(frozen=True)
class Column:
    """One column; an enumerated one names its levels."""

    name: str
    type: PolarsDataType
    meaning: str
    levels: Levels | None = None


def enumerated(name: str, levels: Levels, meaning: str) -> Column:
    """A column of named levels."""
    return Column(name, pl.Enum(levels), meaning, levels)


@dataclass(frozen=True)
class Table:
    """One table. `key` names a row within its corrections; each has the two clocks behind its own columns.

    `event_timestamp` is when it happened, `created_timestamp` when the lender's system had it.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> dict[str, PolarsDataType]:
        """Types by column, the clocks last."""
        return {**{column.name: column.type for column in self.columns}, EVENT: MOMENT, CREATED: MOMENT}

    @cached_property
    def spoiled(self) -> Column | None:
        """Where its records have faults: the first number with decimals; else a named value, rather outside the key."""
        numbers = [column for column in self.columns if column.type == pl.Float64]
        named = [column for column in self.columns if column.levels]
        return next(iter([*numbers, *sorted(named, key=lambda column: column.name in self.key)]), None)

    def frame(self, rows: Frame) -> pl.DataFrame:
        """Events as a data frame of this schema; without a time of creation, that of the event.

        Money is given as whole cents in `…_cents` arrays and becomes units of currency.
        """
        columns = {name: self._array(name, type_, rows) for name, type_ in self.schema.items()}
        gaps = self.spoiled.name if self.spoiled else ""
        return pl.DataFrame(columns).select(
            _typed(name, type_, gaps=name == gaps) for name, type_ in self.schema.items()
        )

    def _array(self, name: str, type_: PolarsDataType, rows: Frame) -> Array:
        if f"{name}_cents" in rows:
            return np.asarray(rows[f"{name}_cents"] / 100.0)
        values = rows[EVENT] if name == CREATED and name not in rows else rows[name]
        if isinstance(type_, pl.Enum):
            return values.astype(np.uint8)
        if values.dtype.kind == "f" and not type_.is_float():
            raise TypeError(f"{self.name}.{name} is {type_}, but its rows are floating-point numbers: round them first")
        return values


def _typed(name: str, type_: PolarsDataType, *, gaps: bool) -> pl.Expr:
    """From an array's type to the column's; a missing number was NaN, a missing name `UNREADABLE`."""
    column = pl.col(name)
    if isinstance(type_, pl.Enum):
        return (pl.when(column != UNREADABLE).then(column) if gaps else column).cat.to(type_)
    return column.cast(type_).fill_nan(None) if type_.is_float() else column.cast(type_)
