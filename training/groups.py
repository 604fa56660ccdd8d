"""Protected groups of the rows of a frame, and the gaps between them."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.fairness import (
    adverse_impact_ratio,
    approval_gap,
    banded,
    false_positive_gap,
    true_positive_gap,
)
from training.inputs import MISSING
from training.score import Floats, Labels
from training.spec import FairnessSpec, ModelSpec
from training.trained import GroupFairness


def group_values(values: pl.Series, spec: FairnessSpec) -> NDArray[np.str_]:
    """The group of each row; a number is cut at the bands of `models.yaml`, or at its quartiles."""
    if not values.dtype.is_numeric():
        return values.cast(pl.String).fill_null(MISSING).to_numpy().astype(str)
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    quartiles = np.unique(np.nanquantile(numbers, (0.25, 0.5, 0.75))) if not np.isnan(numbers).all() else (0.0,)
    return banded(numbers, spec.bands.get(values.name) or tuple(float(bound) for bound in quartiles))


def approve(kind: str, probability: Floats, share: float) -> NDArray[np.bool_]:
    """The safest `share` of the rows for a risk, the likeliest `share` for a propensity."""
    if kind == "risk":
        return probability <= np.quantile(probability, share)
    return probability >= np.quantile(probability, 1 - share)


def fairness_of(
    spec: ModelSpec, frame: pl.DataFrame, groups: Sequence[str], labels: Labels, probability: Floats
) -> dict[str, GroupFairness]:
    """The gaps of every protected feature when the share of `models.yaml` is approved."""
    approved = approve(spec.kind, probability, spec.fairness.approved)
    deserving = labels == (0 if spec.kind == "risk" else 1)
    smallest = spec.fairness.smallest_group
    found = {}
    for name in groups:
        members = group_values(frame[name], spec.fairness)
        found[name] = GroupFairness(
            approval_gap=approval_gap(approved, groups=members, smallest=smallest),
            true_positive_gap=true_positive_gap(deserving, approved, groups=members, smallest=smallest),
            false_positive_gap=false_positive_gap(deserving, approved, groups=members, smallest=smallest),
            adverse_impact_ratio=adverse_impact_ratio(approved, groups=members, smallest=smallest),
        )
    return found
