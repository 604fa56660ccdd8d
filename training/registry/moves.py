"""The moves of the champion in MLflow: versions of `<portfolio>.release.history`, numbered by the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from training.registry.history import Step, valid
from training.registry.store import MlflowStore, RegistryError, Version
from training.registry.versions import SHA, ReleaseVersion

ACTION, VERSION, TOP, BY, AT, AFTER = (
    f"lendloop.{name}" for name in ("action", "version", "champion", "by", "at", "after")
)
OLD_STEP = "lendloop.step."


class MovedMeanwhile(RegistryError):
    """Another promotion or rollback was quicker; nothing was changed."""

    def __init__(self, portfolio: str, step: Step) -> None:
        super().__init__(
            f"the champion of {portfolio!r} was moved meanwhile ({step.action} of {step.sha[:12]} by "
            f"{step.by or 'unknown'} at {step.at}): nothing else was changed; look at "
            f"`lendloop release list {portfolio}` and decide again"
        )


class OldHistory(RegistryError):
    """The champion's history was written by an earlier version, which numbered it itself."""

    def __init__(self, portfolio: str) -> None:
        super().__init__(
            f"the history of {portfolio!r} is in the form of an earlier version (tags {OLD_STEP}* of the registered "
            f"model {portfolio}.release); expected versions of {_history(portfolio)}. Set LENDLOOP_HOME (or "
            "LENDLOOP_MLFLOW_URI) to a new place and run the months again; or delete these tags in MLflow and "
            "promote the release that shall serve"
        )


@dataclass(frozen=True)
class Moves:
    """Reads and appends moves; several processes on several machines may."""

    store: MlflowStore

    def champion(self, portfolio: str) -> str | None:
        """The name of the release on top; one read of one row, but for races."""
        newest = [_step(version) for version in self.store.newest(_history(portfolio), 1)]
        if newest and newest[0].after != newest[0].number - 1:
            newest = self.steps(portfolio)  # a step that lost a race stands between, or is this one
        if not newest:
            self._refuse_old(portfolio)
        return newest[-1].champion if newest else None

    def steps(self, portfolio: str) -> list[Step]:
        """Every move that counts, oldest first."""
        found = valid(_step(version) for version in self.store.versions(_history(portfolio), {}))
        if not found:
            self._refuse_old(portfolio)
        return found

    def _refuse_old(self, portfolio: str) -> None:
        if any(name.startswith(OLD_STEP) for name in self.store.tags(f"{portfolio}.release")):
            raise OldHistory(portfolio)

    def append(
        self,
        steps: Sequence[Step],
        action: Literal["promote", "rollback"],
        moved: ReleaseVersion,
        champion: str,
        by: str,
    ) -> None:
        """Add a step, which is the whole move; `MovedMeanwhile` when another was quicker since `steps` were read."""
        after = steps[-1].number if steps else 0
        described = {
            ACTION: action,
            SHA: moved.sha,
            VERSION: f"{moved.version}",
            TOP: champion,
            BY: by,
            AT: datetime.now(UTC).isoformat(timespec="seconds"),
            AFTER: f"{after}",
        }
        number = self.store.append(_history(moved.portfolio), moved.run_id, "release", described)
        counted = next(step for step in self.steps(moved.portfolio) if step.after == after)
        if counted.number != number:
            raise MovedMeanwhile(moved.portfolio, counted)


def _history(portfolio: str) -> str:
    return f"{portfolio}.release.history"


def _step(version: Version) -> Step:
    tags = version.tags
    return Step(
        number=version.number,
        action="promote" if tags[ACTION] == "promote" else "rollback",
        sha=tags[SHA],
        version=int(tags[VERSION]),
        champion=tags[TOP],
        by=tags.get(BY, ""),
        at=tags[AT],
        after=int(tags[AFTER]),
    )
