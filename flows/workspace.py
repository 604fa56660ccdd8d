"""The one place of wiring: what a flow works with, opened from the settings when first needed."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from features.lake import Lake
from features.portfolio import Portfolio, open_portfolio
from infra.settings import Settings

if TYPE_CHECKING:
    from features.store.store import Store
    from monitoring.spec import MonitoringSpec
    from monitoring.store import MetricStore
    from serving.log import DecisionLog
    from serving.policy import Policy
    from training.registry import Registry
    from training.spec import ModelsSpec


@dataclass(frozen=True)
class Workspace:
    """A portfolio with its lake, stores, registry and log."""

    settings: Settings
    portfolio: Portfolio

    @property
    def name(self) -> str:
        """Name of the portfolio."""
        return self.portfolio.name

    @cached_property
    def lake(self) -> Lake:
        """The lake of Parquet files."""
        return Lake(self.settings.lake)
