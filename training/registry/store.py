"""MLflow's runs, model versions, tags and aliases, as little of them as the registry needs."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.boosted import Boosted
from training.registry.opening import make_whole, quiet, reach, said

LONGEST_PARAMETER = 6000


class RegistryError(RuntimeError):
    """The registry cannot be used; the message says where it was looked for and what to do."""


@dataclass(frozen=True)
class Figures:
    """The parameters and metrics of a run."""

    parameters: Mapping[str, str]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Version:
    """A model version."""

    number: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class MlflowStore:
    """The tracking and registry store at `uri`, opened at its first use; `artifacts` serves stores in a database."""

    uri: str
    artifacts: Path
    _experiments: dict[str, str] = field(default_factory=dict, repr=False)

    def log(
        self,
        experiment: str,
        model: str,
        tags: Mapping[str, str],
        write: Callable[[Path], None],
        *,
        source: str,
        figures: Figures | None = None,
        described: Mapping[str, str] | None = None,
    ) -> Version:
        """A version of `model` from a run that holds what `write` puts into a folder; `source` is the version's part.

        `tags` name the content: a finished run that already has them is taken, one still running is a killed
        process's and marked so. The version comes last: where there is one, its run is whole.
        """
        with self._faults():
            run_id = self._finished_run(experiment, tags) or self._run(experiment, model, tags, write, figures)
            self._register(model)
            uri = f"{self._client.get_run(run_id).info.artifact_uri}/{source}"
            every = {**tags, **(described or {})}
            return _version(self._client.create_model_version(model, uri, run_id, tags=every), {})

    def versions(self, model: str, tags: Mapping[str, str], *, pointers: bool = False) -> list[Version]:
        """The versions of `model` that carry all `tags`, oldest first; with `pointers`, their aliases too."""
        conditions = [f"name = '{model}'", *(f"tags.`{name}` = '{value}'" for name, value in tags.items())]
        with self._faults():
            found = self._client.search_model_versions(" and ".join(conditions))
            # A searched version comes without its aliases; the model it belongs to has them all.
            aliases = self._pointers(model) if found and pointers else {}
        return sorted((_version(each, aliases) for each in found), key=lambda each: each.number)

    def newest(self, model: str, count: int) -> list[Version]:
        """The last `count` versions of `model`, oldest first."""
        with self._faults():
            found = self._client.search_model_versions(
                f"name = '{model}'", max_results=count, order_by=["version_number DESC"]
            )
        return [_version(each, {}) for each in reversed(found)]

    def tags(self, model: str) -> Mapping[str, str]:
        """The tags of a registered model itself; none when it is not registered."""
        with self._faults():
            found = self._client.search_registered_models(f"name = '{model}'")
        return dict(found[0].tags) if found else {}

    def append(self, model: str, run_id: str, source: str, tags: Mapping[str, str]) -> int:
        """A further version of `model`, made of the part `source` of a run; the number that no other has."""
        with self._faults():
            self._register(model)
            uri = f"{self._client.get_run(run_id).info.artifact_uri}/{source}"
            made = self._client.create_model_version(model, uri, run_id, tags=dict(tags))
        return int(made.version)

    def download(self, run_id: str, path: str, to: Path) -> Path:
        """The folder `path` of a run, copied into the folder `to`."""
        with self._faults():
            return Path(self._client.download_artifacts(run_id, path, str(to)))

    def point(self, model: str, alias: str, version: int) -> None:
        """Put `alias` on a version."""
        with self._faults():
            self._client.set_registered_model_alias(model, alias, str(version))

    def unpoint(self, model: str, alias: str) -> None:
        """Take `alias` away."""
        with self._faults():
            self._client.delete_registered_model_alias(model, alias)

    @cached_property
    def _client(self) -> Any:
        with quiet():
            from mlflow import MlflowClient

            logging.getLogger("mlflow").setLevel(logging.WARNING)
            # It prints the traceback of each error that it raises, too.
            logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
            # MLflow knows psycopg 3 by its full name only.
            uri = self.uri.replace("postgresql://", "postgresql+psycopg://", 1)
            reach(uri)
            make_whole(uri)
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_experiments(max_results=1)
            client.search_registered_models(max_results=1)
        return client

    def _finished_run(self, experiment: str, tags: Mapping[str, str]) -> str | None:
        condition = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        finished = None
        for run in self._client.search_runs([self._experiment(experiment)], condition):
            if run.info.status == "FINISHED":
                finished = run.info.run_id
            elif run.info.status == "RUNNING":
                self._client.set_terminated(run.info.run_id, "KILLED")
        return finished

    def _run(
        self,
        experiment: str,
        model: str,
        tags: Mapping[str, str],
        write: Callable[[Path], None],
        figures: Figures | None,
    ) -> str:
        run_id: str = self._client.create_run(self._experiment(experiment), tags=dict(tags), run_name=model).info.run_id
        try:
            if figures is not None:
                self._log_figures(run_id, figures)
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder))
                self._client.log_artifacts(run_id, folder)
        except BaseException:
            # On a full disk this fails too; a run that is left is found RUNNING later, and marked then.
            with suppress(Exception):
                self._client.set_terminated(run_id, "FAILED")
            raise
        self._client.set_terminated(run_id, "FINISHED")
        return run_id

    def _log_figures(self, run_id: str, figures: Figures) -> None:
        from mlflow.entities import Metric, Param

        parameters = [Param(name, value[:LONGEST_PARAMETER]) for name, value in figures.parameters.items()]
        metrics = [Metric(name, value, 0, 0) for name, value in figures.metrics.items()]
        self._client.log_batch(run_id, metrics=metrics, params=parameters)

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            known = self._client.get_experiment_by_name(name)
            self._experiments[name] = known.experiment_id if known else self._new_experiment(name)
        return self._experiments[name]

    def _new_experiment(self, name: str) -> str:
        served = self.uri.startswith(("http://", "https://"))
        location = None if served else (self.artifacts.resolve() / name).as_uri()
        experiment: str = self._client.create_experiment(name, artifact_location=location)
        return experiment

    def _pointers(self, model: str) -> dict[str, int]:
        found = self._client.search_registered_models(f"name = '{model}'")
        return {alias: int(number) for alias, number in found[0].aliases.items()} if found else {}

    def _register(self, model: str) -> None:
        if self._client.search_registered_models(f"name = '{model}'"):
            return
        try:
            self._client.create_registered_model(model)
        except Exception as error:
            # Another process may have been quicker.
            if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                raise

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """MLflow's and the database's errors in one class, with the address but no password."""
        try:
            yield
        except OSError as error:
            advice = "free space, or bring the files back from a backup of MLflow's artifacts"
            raise RegistryError(f"the model registry's files cannot be used: {error}; {advice}") from error
        except Exception as error:
            if not type(error).__module__.startswith(("mlflow.", "sqlalchemy.")):
                raise
            place = self.uri.rpartition("@")[2]
            raise RegistryError(f"the model registry at {place} failed: {said(error)}") from error


def save_flavor(model: Boosted, folder: Path) -> None:
    """The model in MLflow's CatBoost flavor, its signature and requirements given rather than inferred."""
    with quiet():
        import mlflow.catboost
        from mlflow.models import ModelSignature
        from mlflow.types.schema import ColSpec, Schema

        kinds = {"float": "double", "category": "string"}
        inputs = Schema([ColSpec(kinds[column.dtype], column.name, required=False) for column in model.columns])
        signature = ModelSignature(inputs=inputs, outputs=Schema([ColSpec("double", "log_odds")]))
        needs = [f"catboost=={version('catboost')}"]
        mlflow.catboost.save_model(model.model, str(folder), signature=signature, pip_requirements=needs)


def _version(found: Any, pointers: Mapping[str, int]) -> Version:
    number = int(found.version)
    aliases = tuple(sorted(alias for alias, pointed in pointers.items() if pointed == number))
    return Version(number, found.run_id, dict(found.tags), aliases)
