"""The release's reference beside the current rows: the same bins, the shares in them, and how far they drifted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

import numpy as np
import polars as pl

from features.profiles import MISSING, ColumnProfile, Counts, Profile
from monitoring.drift import Psi, psi
from monitoring.facts import Bins
from monitoring.measure import Measure, rate


@dataclass(frozen=True)
class Comparison:
    """One column's shares in the reference's bins, its PSI over known values, and how its missing values changed."""

    bins: Bins
    psi: Psi | None
    missing_rise: Measure


def compare(profile: Profile, names: Iterable[str], frame: pl.DataFrame) -> dict[str, Comparison]:
    """The named columns of the profile beside those of the frame; a frame without rows gives none.

    PSI is of the known values: a history that grows from month to month fills gaps, which is no drift of what it says.
    Missing values have a figure of their own, the rise of their share over the reference's.
    """
    if frame.is_empty():
        return {}
    found = {name: (profile.columns[name], frame[name]) for name in names}
    return {name: _compared(name, column, column.count(values)) for name, (column, values) in found.items()}


def measures(found: Mapping[str, Comparison]) -> list[Measure]:
    """The rows of features: PSI, corrected and raw, and the rise of missing values."""
    drifted = drifts("feature_psi", ((name, one.psi) for name, one in found.items() if one.psi))
    return [*drifted, *(one.missing_rise for one in found.values())]


def _compared(name: str, column: ColumnProfile, current: Counts) -> Comparison:
    before, now = np.array(column.counts), current
    reference, n = int(before.sum()), int(now.sum())
    bins = Bins(
        labels=labels(column),
        reference=tuple((before / reference).tolist()),
        current=tuple((now / n).tolist()),
        reference_rows=reference,
        current_rows=n,
    )
    known = before[:-1].sum() > 0 and now[:-1].sum() > 0
    rise = rate("missing_rise", name, int(now[-1]), n).less(before[-1] / reference)
    return Comparison(bins, psi(before[:-1], now[:-1]) if known else None, rise)


def labels(column: ColumnProfile) -> tuple[str, ...]:
    """A text for each bin, with no more digits than tell the bins apart."""
    if not column.edges:
        return column.labels
    for digits in range(2, 18):  # the largest numbers need all: with fewer they are rounded up to infinity
        rounded = [float(f"{edge:.{digits}g}") for edge in column.edges]
        edges = [f"{edge:,.{max(digits, 6)}g}" for edge in rounded]
        if len(set(edges)) == len(edges) and all(map(isfinite, rounded)):
            break
    inner = (f"{low} to {high}" for low, high in pairwise(edges))
    return (f"under {edges[0]}", *inner, f"{edges[-1]} and over", MISSING)


def drifts(name: str, found: Iterable[tuple[str, Psi]]) -> list[Measure]:
    """A row for each PSI: the corrected value, which is judged, and beside it the raw one."""
    rows = []
    for segment, value in found:
        rows.append(Measure(name, segment, value.corrected, value.low, value.high, value.n))
        rows.append(Measure(f"{name}_raw", segment, value.raw, value.raw, value.raw, value.n))
    return rows
