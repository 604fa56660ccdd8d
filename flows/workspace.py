"""The one place of wiring: what a flow works with, opened from the settings when first needed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from features.lake import Lake
from features.portfolio import Portfolio, open_portfolio
from flows.cluster import workers_of
from infra.settings import Settings

if TYPE_CHECKING:
    from features.store.store import Store
    from monitoring.spec import MonitoringSpec
    from monitoring.store import MetricStore
    from serving.log.decision_log import DecisionLog
    from serving.pauses import Pauses
    from serving.policy import Policy
    from training.registry import Registry
    from training.spec import ModelsSpec


@dataclass(frozen=True)
class Workspace:
    """A portfolio with its configuration, lake, stores, registry and log."""

    settings: Settings
    portfolio: Portfolio

    @property
    def name(self) -> str:
        """Name of the portfolio."""
        return self.portfolio.name

    @property
    def key(self) -> str:
        """Column that names an entity."""
        return self.portfolio.features.entity.key

    @cached_property
    def lake(self) -> Lake:
        """The lake of Parquet files."""
        return Lake(self.settings.lake)

    @cached_property
    def models(self) -> "ModelsSpec":
        """The portfolio's `models.yaml`."""
        from training.spec import read_models

        return read_models(self.portfolio.folder / "models.yaml", self.portfolio.features)

    @cached_property
    def policy(self) -> "Policy":
        """The portfolio's `policy.yaml`."""
        from serving.policy import read_policy

        return read_policy(self.portfolio.folder / "policy.yaml", self.portfolio.features, self.models)

    @cached_property
    def monitoring(self) -> "MonitoringSpec":
        """The portfolio's `monitoring.yaml`."""
        from monitoring.spec import read_monitoring

        return read_monitoring(self.portfolio.folder / "monitoring.yaml")

    def read_all(self) -> None:
        """Parse every file of the portfolio, so that a fault in any of them is told before anything is done."""
        _ = (self.models, self.policy, self.monitoring)

    @cached_property
    def store(self) -> "Store":
        """Feast's registry, offline and online store."""
        from features.store.store import Workers, open_store

        urls = {"registry": self.settings.feature_registry_url, "online": self.settings.online_store_url}
        each = workers_of(self.settings)
        workers = None if each is map else Workers(each, online_store_here)
        return open_store(self.portfolio, self.lake, **urls, workers=workers)

    @cached_property
    def registry(self) -> "Registry":
        """The registry of models and releases."""
        return open_registry(self.settings)

    @cached_property
    def log(self) -> "DecisionLog":
        """The decision log."""
        return open_settings_log(self.settings)

    @cached_property
    def pauses(self) -> "Pauses":
        """The pauses of automatic approval."""
        from serving.pauses import open_pauses

        return open_pauses(self.settings.decision_log_url, self.log.vault)

    @cached_property
    def metrics(self) -> "MetricStore":
        """The table of monitoring metrics."""
        from monitoring.store import MetricStore

        return MetricStore(self.settings.metrics_url)

    def release_folder(self, sha: str) -> Path:
        """Folder of release `sha` on local disk, fetched from the registry when it is not there or is damaged."""
        from serving.following import fetch_release
        from serving.release import verify_release

        def check(_portfolio: str, place: Path) -> None:
            verify_release(place)

        return fetch_release(self.settings.releases, self.name, sha, self.registry, check)


def open_workspace(portfolio: str) -> Workspace:
    """The workspace of one portfolio under the settings of this process; an unknown portfolio leaves no home behind."""
    settings = Settings()
    opened = open_portfolio(settings.portfolios, portfolio, made=settings.made)
    settings.root().mkdir(parents=True, exist_ok=True)
    return Workspace(settings, opened)


def online_store_here() -> str:
    """URL of the online store, by the settings of whatever process asks."""
    return Settings().online_store_url


def open_settings_log(settings: Settings) -> "DecisionLog":
    """The decision log, with its master keys."""
    from serving.log.decision_log import open_log
    from serving.log.keys import open_keys

    keys = open_keys(settings.log_key.get_secret_value(), settings.log_key_file)
    return open_log(settings.decision_log_url, keys)


def open_registry(settings: Settings) -> "Registry":
    """The registry of models and releases."""
    from training.registry import Registry

    settings.root().mkdir(parents=True, exist_ok=True)
    return Registry(settings.mlflow_url, settings.mlflow_artifacts)
