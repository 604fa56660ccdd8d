"""Which release served a month: the one its decisions were made by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from features.profiles import Profile
from flows.workspace import Workspace
from monitoring.outcomes import decided_in_month
from serving.reference import PROBABILITY
from serving.release import LoadedRelease, load_release


@dataclass(frozen=True)
class Served:
    """A release with the runs that trained its models."""

    release: LoadedRelease
    runs: Mapping[str, str]

    def profiles(self, model: str) -> tuple[Profile, Profile]:
        """The reference of the model's inputs, and that of its probability."""
        whole = self.release.profiles[model]
        inputs = [column.name for column in self.release.models[model].columns]
        return whole.only(inputs), whole.only([PROBABILITY])


def served_in_month(workspace: Workspace, decisions: pl.DataFrame, as_of: date) -> Served | None:
    """The release that made most of the month's decisions; without any, the champion then; else None."""
    made = (
        decided_in_month(decisions, as_of)["release"].value_counts().sort("count", "release", descending=[True, False])
    )
    sha = made["release"][0] if len(made) else _champion_then(workspace, as_of)
    return open_served(workspace, sha) if sha else None


def _champion_then(workspace: Workspace, as_of: date) -> str | None:
    """The champion; a month run again after a later one has that of its own time, not one of its future."""
    champion = workspace.registry.champion(workspace.name)
    if champion is None or champion.as_of <= as_of:
        return champion.sha if champion else None
    promoted = {step.champion for step in workspace.registry.history(workspace.name)}
    releases = workspace.registry.releases(workspace.name)
    then = [release for release in releases if release.sha in promoted and release.as_of <= as_of]
    return max(then, key=lambda release: release.as_of).sha if then else champion.sha


def open_served(workspace: Workspace, sha: str) -> Served:
    """Release `sha`, from local disk or else from the registry."""
    version = workspace.registry.release(workspace.name, sha)
    return Served(load_release(workspace.release_folder(sha)), version.runs)
