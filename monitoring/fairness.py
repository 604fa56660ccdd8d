"""Approval (or contact) rates of the groups, and the gap between them; what a gap is, `training.fairness` says."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from monitoring.measure import Measure, number
from monitoring.outcomes import ENTITY
from serving.log.frames import FINAL
from training.fairness import MISSING, Gap, GroupRate, approval_gap, banded
from training.spec import FairnessSpec

SELECTED = {"risk": "approve", "propensity": "contact"}


def selection_gaps(
    decisions: pl.DataFrame, groups: pl.DataFrame, *, key: str, kind: str, spec: FairnessSpec
) -> dict[str, Gap]:
    """The gap in the rate of the favourable outcome for each column of `groups` (one row an entity)."""
    columns = [name for name in groups.columns if name != key]
    members = groups.select(pl.col(key).cast(pl.String).alias(ENTITY), *columns).unique(ENTITY, keep="last")
    # With what people made of reviews, where they were asked; decisions made only to compare went to nobody.
    outcome = FINAL if FINAL in decisions.columns else "outcome"
    joined = decisions.select(ENTITY, outcome).join(members, on=ENTITY, how="left", maintain_order="left")
    selected = (joined[outcome] == SELECTED[kind]).to_numpy()
    return {
        name: approval_gap(selected, groups=_names(joined[name], spec.bands.get(name)), smallest=spec.smallest_group)
        for name in columns
        if len(joined)
    }


def measures(gaps: Mapping[str, Gap]) -> list[Measure]:
    """A row for each gap, and one for each group's rate, `column=group`; a small group's row says so."""
    rows = []
    for column, gap in gaps.items():
        compared = sum(rate.n for name, rate in gap.by_group.items() if name not in gap.small)
        ends = (number(gap.value), number(gap.low), number(gap.high))
        rows.append(Measure("selection_gap", column, *ends, compared, note=_between(gap)))
        for group, rate in sorted(gap.by_group.items(), key=_band_order):
            note = "small group: named, not compared" if group in gap.small else ""
            rates = (number(rate.rate), rate.low, rate.high)
            rows.append(Measure("selection_rate", f"{column}={group}", *rates, rate.n, note=note))
    return rows


def _names(values: pl.Series, bands: tuple[float, ...] | None) -> np.ndarray:
    if bands is None:
        return values.cast(pl.String).to_numpy().astype(object)
    return banded(values.cast(pl.Float64).to_numpy(), bands)


def _band_order(named: tuple[str, GroupRate]) -> tuple[int, str]:
    """By name, but the first band of a number before its others, and missing values last."""
    name = named[0]
    return (0 if name.startswith("under ") else 2 if name == MISSING else 1), name


def _between(gap: Gap) -> str:
    return f"highest {gap.highest}, lowest {gap.lowest}" if gap.highest != gap.lowest else ""
