"""Models and releases of a portfolio, and the pointer to the release that serves: the champion.

Models are registered as `<portfolio>.<model>`, releases as `<portfolio>.release`; aliases, not stages. The champion's
history is kept as numbered tags of `<portfolio>.release`, each written before the alias moves: a promotion or rollback
that was killed in between is finished by the next call.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from training.boosted import load_boosted
from training.facts import metrics, parameters
from training.plots import draw
from training.registry.history import Step, stack
from training.registry.store import Figures, MlflowStore, RegistryError, save_flavor
from training.registry.versions import (
    AS_OF,
    CHALLENGER,
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
from training.trained import TrainedModel, load_trained, save_trained

STEP = "lendloop.step."


class NotRegistered(RegistryError):
    """No such model or release."""


class NothingToRollBack(RegistryError):
    """No release was champion before the present one."""


class Registry:
    """Models and releases in the MLflow store at `uri`; `artifacts` holds their files when the store is a database."""

    def __init__(self, uri: str, artifacts: Path) -> None:
        self._store = MlflowStore(uri, artifacts)

    # Models

    def find_model(self, portfolio: str, name: str, inputs: str) -> ModelVersion | None:
        """The model that was trained on these inputs, if its run finished."""
        return self._last_model(portfolio, name, {INPUTS: inputs})

    def model_as_of(self, portfolio: str, name: str, as_of: date) -> ModelVersion | None:
        """The newest model trained for a business date."""
        return self._last_model(portfolio, name, {AS_OF: f"{as_of}"})

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
        with tempfile.TemporaryDirectory() as folder:
            return load_trained(self._store.download(model.run_id, "", Path(folder)))

    # Releases

    def log_release(
        self,
        portfolio: str,
        folder: Path,
        sha: str,
        *,
        as_of: date,
        gates: Mapping[str, Any],
        runs: Mapping[str, str],
    ) -> ReleaseVersion:
        """Register the release folder `folder` named `sha`; one that is registered already is returned as it is."""
        known = self.find_release(portfolio, sha)
        if known is not None:
            return known
        tags = {SHA: sha, AS_OF: f"{as_of}"}
        described = {GATES: json.dumps(gates, sort_keys=True), RUNS: json.dumps(runs, sort_keys=True)}

        def write(place: Path) -> None:
            shutil.copytree(folder, place / "release")

        version = self._store.log(portfolio, _releases(portfolio), tags, write, source="release", described=described)
        self._store.point(_releases(portfolio), CHALLENGER, version.number)
        return self.release(portfolio, sha)

    def releases(self, portfolio: str) -> list[ReleaseVersion]:
        """Every release, oldest first."""
        return [release_version(portfolio, version) for version in self._store.versions(_releases(portfolio), {})]

    def find_release(self, portfolio: str, sha: str) -> ReleaseVersion | None:
        """The release of exactly this name."""
        found = self._store.versions(_releases(portfolio), {SHA: sha})
        return release_version(portfolio, found[-1]) if found else None

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
        found = self._store.versions(_releases(portfolio), {AS_OF: f"{as_of}"})
        if not found:
            raise NotRegistered(f"no release of {portfolio!r} for {as_of}; run `lendloop run month` for it first")
        return release_version(portfolio, found[-1])

    def fetch(self, portfolio: str, sha: str, to: Path) -> None:
        """Put a release's files into the empty folder `to`; the caller checks them against the manifest."""
        release = self.release(portfolio, sha)
        with tempfile.TemporaryDirectory(dir=to.parent, prefix=".fetch-") as folder:
            for path in self._store.download(release.run_id, "release", Path(folder)).iterdir():
                path.rename(to / path.name)

    # The champion

    def champion(self, portfolio: str) -> ReleaseVersion | None:
        """The release that shall be served; None before the first promotion."""
        return self.alias(portfolio, CHAMPION)

    def alias(self, portfolio: str, name: str) -> ReleaseVersion | None:
        """The release a pointer is on."""
        return next((each for each in self.releases(portfolio) if name in each.aliases), None)

    def history(self, portfolio: str) -> list[Step]:
        """Every promotion and rollback, oldest first."""
        tags = self._store.tags(_releases(portfolio))
        return sorted((Step(**json.loads(v)) for k, v in tags.items() if k.startswith(STEP)), key=lambda s: s.number)

    def promote(self, portfolio: str, sha: str, *, by: str = "") -> ReleaseVersion:
        """Make a release champion; one that is champion already stays, and nothing is added to the history."""
        wanted, steps = self.release(portfolio, sha), self.history(portfolio)
        standing = stack(steps)
        if not standing or standing[-1].version != wanted.version:
            standing = self._step(portfolio, steps, "promote", wanted.sha, wanted.version, by)
        return self._point(portfolio, standing)

    def promote_once(self, portfolio: str, sha: str, *, by: str = "") -> ReleaseVersion:
        """Promote a release that never was champion; what was promoted since, or rolled back, is left as it is."""
        steps = self.history(portfolio)
        if any(step.action == "promote" and step.sha == sha for step in steps):
            return self._point(portfolio, stack(steps))
        return self.promote(portfolio, sha, by=by)

    def rollback(self, portfolio: str, *, by: str = "") -> ReleaseVersion:
        """Make the champion's predecessor champion; a second rollback goes one further back.

        When the last move was killed half-way, this finishes that move and does no other.
        """
        steps = self.history(portfolio)
        standing, champion = stack(steps), self.champion(portfolio)
        if standing and (champion is None or champion.version != standing[-1].version):
            return self._point(portfolio, standing)
        if len(standing) < 2:
            raise NothingToRollBack(f"no release of {portfolio!r} was champion before; promote another one instead")
        gone = standing[-1]
        return self._point(portfolio, self._step(portfolio, steps, "rollback", gone.sha, gone.version, by))

    def _step(
        self,
        portfolio: str,
        steps: list[Step],
        action: Literal["promote", "rollback"],
        sha: str,
        version: int,
        by: str,
    ) -> list[Step]:
        number = steps[-1].number + 1 if steps else 1
        step = Step(number, action, sha, version, by, datetime.now(UTC).isoformat(timespec="seconds"))
        self._store.tag(_releases(portfolio), f"{STEP}{number:06d}", json.dumps(asdict(step)))
        return stack([*steps, step])

    def _point(self, portfolio: str, standing: list[Step]) -> ReleaseVersion:
        top = self.release(portfolio, standing[-1].sha)
        if CHAMPION not in top.aliases:
            self._store.point(_releases(portfolio), CHAMPION, top.version)
        if CHALLENGER in top.aliases:
            self._store.unpoint(_releases(portfolio), CHALLENGER)
        return self.release(portfolio, top.sha)

    def _last_model(self, portfolio: str, name: str, tags: Mapping[str, str]) -> ModelVersion | None:
        found = self._store.versions(f"{portfolio}.{name}", tags)
        return model_version(portfolio, name, found[-1]) if found else None


def _releases(portfolio: str) -> str:
    return f"{portfolio}.release"
