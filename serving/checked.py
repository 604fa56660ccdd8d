"""Inputs checked: feature values → what a model can be given, and what was missing or not usable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.permitted import FeatureColumn
from training.inputs import MISSING, Inputs
from training.score import Floats

Flags = NDArray[np.bool_]
Column = Sequence[float | str | None] | NDArray[Any]

LARGEST = float(np.finfo(np.float32).max)
"""CatBoost reads numbers as float32: a larger one would become infinite and still be scored."""


@dataclass(frozen=True)
class CheckedInputs:
    """Inputs a model can be given, and which of them (rows x inputs) were missing or not usable."""

    inputs: Inputs
    missing: Flags
    invalid: Flags


def check_inputs(columns: Sequence[FeatureColumn], values: Mapping[str, Column], rows: int) -> CheckedInputs:
    """The columns as a model reads them; an absent column is missing in every row."""
    absent: list[None] = [None] * rows
    given = [values.get(column.name, absent) for column in columns]
    count = sum(column.dtype == "float" for column in columns)
    numbers, number_fault = _numbers(given[:count], rows)
    words, word_missing, word_fault = _words(given[count:], rows)
    missing = np.concatenate([np.isnan(numbers) & ~number_fault, word_missing], axis=1)
    invalid = np.concatenate([number_fault, word_fault], axis=1)
    return CheckedInputs(Inputs(np.ascontiguousarray(numbers, dtype=np.float32), words), missing, invalid)


def _numbers(given: Sequence[Column], rows: int) -> tuple[Floats, Flags]:
    """Numbers (rows x columns, NaN missing), and which were no finite number."""
    try:
        values = np.array(given, dtype=np.float64).reshape(len(given), rows).T
    except (TypeError, ValueError, OverflowError):
        values = np.array([[_number(value) for value in column] for column in given]).reshape(len(given), rows).T
    with np.errstate(invalid="ignore"):
        fault = np.abs(values) > LARGEST
    return (np.where(fault, np.nan, values) if fault.any() else values), fault


def _number(value: object) -> float:
    """A number as float, None as NaN, anything else as infinity, which the caller marks."""
    if value is None or value != value:
        return float("nan")
    # Compared as it is: an int may be too large for a float.
    return float(value) if isinstance(value, int | float) and -LARGEST <= value <= LARGEST else float("inf")


def _words(given: Sequence[Column], rows: int) -> tuple[NDArray[np.object_], Flags, Flags]:
    """Categories (rows x columns), which were missing and which were no text."""
    words = np.full((rows, len(given)), MISSING, dtype=object)
    missing, fault = np.zeros(words.shape, dtype=bool), np.zeros(words.shape, dtype=bool)
    for position, column in enumerate(given):
        for row, value in enumerate(column):
            if isinstance(value, str):
                words[row, position] = value
            elif value is None:
                missing[row, position] = True
            else:
                fault[row, position] = True
    return words, missing, fault
