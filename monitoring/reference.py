"""The release's reference beside the current rows: the same bins, the shares in them, and how far they drifted."""

from collections.abc import Iterable
from itertools import pairwise

import polars as pl

from features.profiles import MISSING, ColumnProfile, Counts, Profile
from monitoring.drift import Psi, psi
from monitoring.facts import Bins
from monitoring.measure import Measure


def compare(profile: Profile, names: Iterable[str], frame: pl.DataFrame) -> dict[str, tuple[Bins, Psi]]:
    """Bins and PSI of the named columns of the profile; a frame without rows gives none."""
    if frame.is_empty():
        return {}
    found = {name: (profile.columns[name], frame[name]) for name in names}
    return {name: _compared(column, column.count(values)) for name, (column, values) in found.items()}


def _compared(column: ColumnProfile, current: Counts) -> tuple[Bins, Psi]:
    reference, now = sum(column.counts), int(current.sum())
    bins = Bins(
        labels=labels(column),
        reference=tuple(count / reference for count in column.counts),
        current=tuple(count / now for count in current.tolist()),
        reference_rows=reference,
        current_rows=now,
    )
    return bins, psi(column.counts, current)


def labels(column: ColumnProfile) -> tuple[str, ...]:
    """A text for each bin, with no more digits than tell the bins apart."""
    if not column.edges:
        return column.labels
    for digits in range(2, 17):
        edges = [f"{float(f'{edge:.{digits}g}'):,.{max(digits, 6)}g}" for edge in column.edges]
        if len(set(edges)) == len(edges):
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
