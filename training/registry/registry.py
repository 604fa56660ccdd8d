"""Models and releases of a portfolio, and the pointer to the release that serves: the champion.

Models are registered as `<portfolio>.<model>`, releases as `<portfolio>.release`; aliases, not stages. Each move of the
champion is a version of `<portfolio>.release.history`, which the database numbers: writing it is the whole promotion or
rollback, so a killed one has happened or it has not. The alias `champion` follows it, for people who look at MLflow.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from training.boosted import load_boosted
from training.facts import metrics, parameters
from training.plots import draw
from training.registry.history import Step, stack
from training.registry.moves import MovedMeanwhile, Moves
from training.registry.store import Figures, MlflowStore, RegistryError, save_flavor
from training.registry.trials import Trials
from training.registry.versions import (
    AS_OF,
    CHAMPION,
    GATES,
    INPUTS,
    RUNS,
    SHA,
    ModelVersion,
    ReleaseVersion,
    model_version,
    release_version,
)
from training.trained import HELD_OUT, TrainedModel, TrainingReport, load_trained, save_trained


class NotRegistered(RegistryError):
    """No such model or release."""


class NothingToRollBack(RegistryError):
    """No release was champion before the present one."""


class Registry:
    """Models and releases in the MLflow store at `uri`; `artifacts` holds their files when the store is a database."""

    def __init__(self, uri: str, artifacts: Path) -> None:
        self._store = MlflowStore(uri, artifacts)
        self._moves = Moves(self._store)
        self.trials = Trials(self._store)

    # Models

    def find_model(self, portfolio: str, name: str, inputs: str) -> ModelVersion | None:
        """The model that was trained on these inputs, if its run finished."""
        return self._last_model(portfolio, name, {INPUTS: inputs})

    def model_as_of(self, portfolio: str, name: str, as_of: date) -> ModelVersion | None:
        """The model that stands for a business date, as `stand` said last; others may have been trained later."""
        found = self._store.versions(f"{portfolio}.{name}", {AS_OF: f"{as_of}"}, pointers=True)
        standing = [each for each in found if _stands(as_of) in each.aliases]
        return model_version(portfolio, name, standing[-1]) if standing else None

    def stand(self, model: ModelVersion) -> None:
        """Let this model, new or old, be the one of its business date: what is configured now may have been before."""
        if self.model_as_of(model.portfolio, model.name, model.as_of) != model:
            self._store.point(f"{model.portfolio}.{model.name}", _stands(model.as_of), model.version)

    def log_model(self, portfolio: str, trained: TrainedModel) -> ModelVersion:
        """Register a trained model with its figures, files and plots; one that is registered is returned as it is."""
        report = trained.report
        known = self.find_model(portfolio, report.name, report.inputs)
        if known is not None:
            return known
        name = f"{portfolio}.{report.name}"
        tags = {INPUTS: report.inputs, AS_OF: report.as_of}

        def write(folder: Path) -> None:
            save_trained(trained, folder)
            (folder / "plots").mkdir()
            for file, picture in draw(trained).items():
                (folder / "plots" / file).write_bytes(picture)
            save_flavor(load_boosted(trained.cbm, trained.columns), folder / "model")

        figures = Figures(parameters(report), metrics(report))
        version = self._store.log(portfolio, name, tags, write, source="model", figures=figures)
        return model_version(portfolio, report.name, version)

    def load_model(self, model: ModelVersion) -> TrainedModel:
        """A registered model with everything known about it."""
        return self.trained(model.run_id)

    def trained(self, run_id: str) -> TrainedModel:
        """The model that a run trained, with everything known about it."""
        with tempfile.TemporaryDirectory() as folder:
            return load_trained(self._store.download(run_id, "", Path(folder)))

    def report(self, run_id: str) -> TrainingReport:
        """What a training run was given, chose and measured."""
        with tempfile.TemporaryDirectory() as folder:
            file = self._store.download(run_id, "report.json", Path(folder))
            return TrainingReport.model_validate_json(file.read_bytes())

    def held_out(self, run_id: str) -> pl.DataFrame:
        """The rows that a run's model was tested on, with the predictions of the test."""
        with tempfile.TemporaryDirectory() as folder:
            return pl.read_parquet(self._store.download(run_id, f"{HELD_OUT}.parquet", Path(folder)))

    # Releases

    def log_release(
        self, portfolio: str, folder: Path, sha: str, *, as_of: date, gates: Mapping[str, Any], runs: Mapping[str, str]
    ) -> ReleaseVersion:
        """Register the release folder `folder` named `sha`; one that is registered already is returned as it is."""
        known = self.find_release(portfolio, sha)
        if known is not None:
            return known
        tags = {SHA: sha, AS_OF: f"{as_of}"}
        described = {GATES: json.dumps(gates, sort_keys=True), RUNS: json.dumps(runs, sort_keys=True)}

        def write(place: Path) -> None:
            shutil.copytree(folder, place / "release")

        self._store.log(portfolio, _releases(portfolio), tags, write, source="release", described=described)
        return self.release(portfolio, sha)

    def releases(self, portfolio: str) -> list[ReleaseVersion]:
        """Every release, oldest first."""
        return self._found(portfolio, {})

    def find_release(self, portfolio: str, sha: str) -> ReleaseVersion | None:
        """The release of exactly this name."""
        found = self._found(portfolio, {SHA: sha})
        return found[-1] if found else None

    def release(self, portfolio: str, sha: str) -> ReleaseVersion:
        """The one release whose name begins with `sha`."""
        exact = self.find_release(portfolio, sha)
        found = [exact] if exact else [each for each in self.releases(portfolio) if sha and each.sha.startswith(sha)]
        if len(found) != 1:
            known = ", ".join(each.sha[:12] for each in self.releases(portfolio)[-5:]) or "none"
            what = f"{len(found)} releases begin with" if found else "no release begins with"
            raise NotRegistered(f"{what} {sha!r} in portfolio {portfolio!r}; the newest are: {known}")
        return found[0]

    def release_as_of(self, portfolio: str, as_of: date) -> ReleaseVersion:
        """The newest release of a business date."""
        found = self._found(portfolio, {AS_OF: f"{as_of}"})
        if not found:
            command = f"`lendloop run month --portfolio {portfolio} --as-of {as_of}`"
            raise NotRegistered(f"no release of {portfolio!r} for {as_of}; run {command} first")
        return found[-1]

    def fetch(self, portfolio: str, sha: str, to: Path) -> None:
        """Put a release's files into the empty folder `to`; the caller checks them against the manifest."""
        release = self.release(portfolio, sha)
        with tempfile.TemporaryDirectory(dir=to.parent, prefix=".fetch-") as folder:
            for path in self._store.download(release.run_id, "release", Path(folder)).iterdir():
                path.rename(to / path.name)

    # The champion

    def champion(self, portfolio: str) -> ReleaseVersion | None:
        """The release that shall be served; None before the first promotion."""
        sha = self.champion_sha(portfolio)
        return self.find_release(portfolio, sha) if sha else None

    def champion_sha(self, portfolio: str) -> str | None:
        """The name of the champion: one cheap read, for who asks each second."""
        return self._moves.champion(portfolio)

    def alias(self, portfolio: str, name: str) -> ReleaseVersion | None:
        """The release a pointer is on."""
        return next((each for each in self.releases(portfolio) if name in each.aliases), None)

    def history(self, portfolio: str) -> list[Step]:
        """Every promotion and rollback, oldest first."""
        return self._moves.steps(portfolio)

    def previous(self, portfolio: str) -> ReleaseVersion:
        """The release that a rollback would make champion again."""
        return self.release(portfolio, self._standing(self.history(portfolio), portfolio)[-2].sha)

    def promote(self, portfolio: str, sha: str, *, by: str = "") -> ReleaseVersion:
        """Make a release champion; one that is champion already stays, and nothing is added to the history."""
        wanted, steps = self.release(portfolio, sha), self.history(portfolio)
        standing = stack(steps)
        if not standing or standing[-1].sha != wanted.sha:
            self.trials.end(portfolio, by=by, why="promoted", only=wanted.sha)
            self._moves.append(steps, "promote", wanted, wanted.sha, by)
        return self._point(portfolio)

    def promote_once(self, portfolio: str, sha: str, *, by: str = "") -> ReleaseVersion:
        """Promote a release that never was champion; what was promoted since, or rolled back, is left as it is."""
        if any(step.action == "promote" and step.sha == sha for step in self.history(portfolio)):
            return self._point(portfolio)
        return self.promote(portfolio, sha, by=by)

    def rollback(self, portfolio: str, *, by: str = "", to: str = "") -> ReleaseVersion:
        """Make the champion's predecessor champion; a second rollback goes one further back.

        With `to`, the release that the caller has checked, `MovedMeanwhile` when that is no longer the predecessor.
        """
        steps = self.history(portfolio)
        gone, back = self._standing(steps, portfolio)[-1], stack(steps)[-2]
        if to and back.sha != to:
            raise MovedMeanwhile(portfolio, steps[-1])
        self.trials.end(portfolio, by=by, why="champion again", only=back.sha)
        self._moves.append(steps, "rollback", self.release(portfolio, gone.sha), back.sha, by)
        return self._point(portfolio)

    def _standing(self, steps: list[Step], portfolio: str) -> list[Step]:
        standing = stack(steps)
        if len(standing) < 2:
            raise NothingToRollBack(f"no release of {portfolio!r} was champion before; promote another one instead")
        return standing

    def _point(self, portfolio: str) -> ReleaseVersion:
        """Have MLflow's alias, which people look at, follow the history; looked at again after each move of it."""
        top = None
        while top is None or self.champion_sha(portfolio) != top.sha:
            sha = self.champion_sha(portfolio)
            assert sha is not None  # only called when there is a step
            top = self.release(portfolio, sha)
            self._store.point(_releases(portfolio), CHAMPION, top.version)
        return top

    def _found(self, portfolio: str, tags: Mapping[str, str]) -> list[ReleaseVersion]:
        found = self._store.versions(_releases(portfolio), tags, pointers=True)
        champion = self.champion_sha(portfolio) if found else None
        trial = self.trials.current(portfolio) if found else None
        return [release_version(portfolio, version, champion, trial.sha if trial else None) for version in found]

    def _last_model(self, portfolio: str, name: str, tags: Mapping[str, str]) -> ModelVersion | None:
        found = self._store.versions(f"{portfolio}.{name}", tags)
        return model_version(portfolio, name, found[-1]) if found else None


def _stands(as_of: date) -> str:
    return f"as-of-{as_of}"


def _releases(portfolio: str) -> str:
    return f"{portfolio}.release"
