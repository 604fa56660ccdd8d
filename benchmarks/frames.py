"""Labelled feature rows of the shipped portfolios, made by the feature code itself from the raw files."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.build import build_features
from features.ingest import ingest
from features.lake import Lake
from features.permitted import FeatureColumn, select
from features.portfolio import Portfolio, open_portfolio
from features.spec import EVENT, Service
from training.labels import LABEL, labels
from training.score import Labels
from training.spec import Boosting, Label, ModelSpec, Recorded, read_models

ROOT = Path(__file__).parents[1] / "portfolios"


@dataclass(frozen=True)
class Rows:
    """Labelled rows (entity key first), the model's inputs among their columns, and the model's specification."""

    frame: pl.DataFrame
    columns: tuple[FeatureColumn, ...]
    spec: ModelSpec

    @property
    def labels(self) -> Labels:
        """The label of each row."""
        return self.frame[LABEL].to_numpy()

    def part(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Some of the rows."""
        return Rows(self.frame.filter(chosen), self.columns, self.spec)

    def reading(self, names: Sequence[str]) -> "Rows":
        """The same rows, of which the model reads the features `names` only."""
        columns = tuple(column for column in self.columns if column.name in names)
        if missing := set(names) - {column.name for column in columns}:
            raise ValueError(f"no such features: {', '.join(sorted(missing))}")
        return replace(self, columns=columns)

    def using(self, boosting: Boosting) -> "Rows":
        """The same rows with other parameters."""
        return Rows(self.frame, self.columns, self.spec.model_copy(update={"estimator": boosting}))


def taiwan_official() -> Rows:
    """30,000 customers as of their September statement, with the publisher's label: default in October 2005."""
    official = Recorded(kind="recorded", table="official_outcomes", column="defaulted", equals=True)
    rows = _rows(open_portfolio(ROOT, "taiwan_cards"), "risk", date(2005, 10, 31), official)
    september = pl.col(EVENT) >= datetime(2005, 9, 1, tzinfo=UTC)
    return Rows(rows.frame.filter(september), rows.columns, rows.spec)


def bank_contacts(*, every_feature: bool = False) -> Rows:
    """45,211 contacts from May 2008 to November 2010; with the loop's features, or every one that marketing permits."""
    portfolio = open_portfolio(ROOT, "bank_deposits")
    if every_feature:
        whole = Service(use="marketing", views=dict.fromkeys(("contact_history", "calendar", "campaign"), "all"))
        services = {**portfolio.features.services, "propensity": whole}
        portfolio = replace(portfolio, features=portfolio.features.model_copy(update={"services": services}))
    return _rows(portfolio, "propensity", date(2010, 11, 30), None)


def _rows(portfolio: Portfolio, model: str, as_of: date, label: Label | None) -> Rows:
    name = portfolio.name
    spec = read_models(portfolio.folder / "models.yaml", portfolio.features).models[model]
    key = portfolio.features.entity.key
    columns = select(portfolio.features, spec.service)
    with tempfile.TemporaryDirectory() as folder:
        lake = _built(portfolio, Path(folder), as_of)
        asked = spec.model_copy(update={"label": label}) if label else spec
        tables = {table: lake.read(name, "tables", table) for table in {asked.observations, asked.label.table}}
        frame = labels(asked, tables, key, as_of)
        for view in dict.fromkeys(column.view for column in columns):
            chosen = [column.name for column in columns if column.view == view]
            made = lake.read(name, "features", view).select(key, EVENT, *chosen)
            frame = frame.join(made, on=[key, EVENT], how="left", maintain_order="left")
    return Rows(frame, tuple(columns), spec)


def _built(portfolio: Portfolio, folder: Path, as_of: date) -> Lake:
    lake = Lake(folder)
    ingest(portfolio, lake, as_of)
    build_features(portfolio, lake, as_of)
    return lake
