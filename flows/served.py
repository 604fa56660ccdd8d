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
    """The release that made most of the month's decisions; without any, the champion; None before the first one."""
    made = (
        decided_in_month(decisions, as_of)["release"].value_counts().sort("count", "release", descending=[True, False])
    )
    champion = workspace.registry.champion(workspace.name)
    sha = made["release"][0] if len(made) else champion.sha if champion else None
    return open_served(workspace, sha) if sha else None


def open_served(workspace: Workspace, sha: str) -> Served:
    """Release `sha`, from local disk or else from the registry."""
    version = workspace.registry.release(workspace.name, sha)
    return Served(load_release(workspace.release_folder(sha)), version.runs)
