"""Whether a switch to a release would answer from features that are missing or stale where today's release does not."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from features.calendar import cutoff
from serving.manifest import ReleaseError, ReleaseFeatures, read_features, read_manifest

if TYPE_CHECKING:
    from features.store.coverage import Coverage


class StaleFeatures(ValueError):
    """A release would be served with features that are not there, or too old; the message says which."""


def check_switch(folder: Path, serving: Path | None, *, at: datetime | None, registry: str, online: str) -> list[str]:
    """What is stale in the release in `folder` at `at`, or at the end of its own business date when that is None.

    Raises `StaleFeatures` for a view that the release in `serving` reads in better state. What both suffer from is
    returned: every such decision goes to review, whichever of the two answers. So is all of it when none serves yet.
    """
    found = read_stale(folder, at=at, registry=registry, online=online)
    if not found or serving is None:
        return list(found.values())
    try:
        known = read_stale(serving, at=at, registry=registry, online=online)
    except ReleaseError:
        return list(found.values())  # what cannot be read does not serve well: anything is better
    if worse := [fault for view, fault in found.items() if view not in known]:
        manifest = read_manifest(folder)
        day = (at - timedelta(days=1)).date() if at else manifest.as_of
        raise StaleFeatures(
            f"release {manifest.sha[:12]} of {manifest.portfolio} would not have its features: {'; '.join(worse)}; "
            f"run `lendloop run materialize --portfolio {manifest.portfolio} --as-of {day}` and try again"
        )
    return list(found.values())


def read_stale(folder: Path, *, at: datetime | None, registry: str, online: str) -> dict[str, str]:
    """By view, what is wrong with the features that the release in `folder` reads; empty when nothing is."""
    from features.store.coverage import read_coverage

    features, manifest = read_features(folder), read_manifest(folder)
    views = list(dict.fromkeys(column.view for column in features.columns))
    coverage = read_coverage(manifest.portfolio, views, registry=registry, online=online)
    return stale_views(coverage, freshness(features), at or cutoff(manifest.as_of))


def freshness(features: ReleaseFeatures) -> dict[str, int]:
    """Days after which each view that a release reads is stale."""
    return {column.view: column.freshness for column in features.columns}


def stale_views(coverage: "list[Coverage]", days: Mapping[str, int], at: datetime) -> dict[str, str]:
    """What is wrong with each view at `at`, in words; `days` is how long each is fresh."""
    faults = {one.view: _fault(one, days[one.view], at) for one in coverage}
    return {view: fault for view, fault in faults.items() if fault}


def _fault(found: "Coverage", days: int, at: datetime) -> str | None:
    if found.until is None:
        return f"view {found.view} was never materialized"
    if not found.registered:
        return f"view {found.view} is not registered"
    if at - found.until > timedelta(days=days):
        return f"view {found.view} is materialized up to {found.until:%Y-%m-%d}, over {days} days before {at:%Y-%m-%d}"
    return None
