"""The release's reference beside the current rows: the same bins, the shares in them, and how far they drifted."""

from collections.abc import Iterable

import polars as pl
from features.profiles import Profile, counts, reference_counts

from monitoring.drift import Psi, psi
from monitoring.facts import Bins
from monitoring.measure import Measure


def compare(profile: Profile, frame: pl.DataFrame) -> dict[str, tuple[Bins, Psi]]:
    """Bins and PSI of every column of the profile; a frame without rows gives none."""
    if frame.is_empty():
        return {}
    reference, current = reference_counts(profile), counts(profile, frame)
    return {
        name: (
            Bins(
                labels=profile.columns[name].labels,
                reference=tuple((found / found.sum()).tolist()),
                current=tuple((current[name] / current[name].sum()).tolist()),
                reference_rows=int(found.sum()),
                current_rows=int(current[name].sum()),
            ),
            psi(found, current[name]),
        )
        for name, found in reference.items()
    }


def drifts(name: str, found: Iterable[tuple[str, Psi]]) -> list[Measure]:
    """A row for each PSI: the corrected value, which is judged, and beside it the raw one."""
    rows = []
    for segment, value in found:
        rows.append(Measure(name, segment, value.corrected, value.low, value.high, value.n))
        rows.append(Measure(f"{name}_raw", segment, value.raw, value.raw, value.raw, value.n))
    return rows
