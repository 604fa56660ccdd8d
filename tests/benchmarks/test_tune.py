"""What the search found is what the shipped portfolio uses, and the rule takes what it says it takes."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from benchmarks import tune
from benchmarks.frames import ROOT, Rows
from features.permitted import FeatureColumn, select
from features.portfolio import open_portfolio
from training.spec import Boosting, read_models

FOUND = json.loads(tune.RESULTS.read_text(encoding="utf-8"))["bank_deposits"]


def test_deposits_read_the_features_and_use_the_parameters_that_were_found() -> None:
    portfolio = open_portfolio(ROOT, "bank_deposits")
    model = read_models(portfolio.folder / "models.yaml", portfolio.features).models["propensity"]
    chosen = {column.name for column in select(portfolio.features, model.service)}
    assert chosen == set(tune.FEATURE_SETS[FOUND["features"]])
    assert model.estimator == Boosting.model_validate(FOUND["estimator"])
    assert model.estimator in list(tune.candidates("bank_deposits"))


def test_the_smallest_set_within_one_standard_error_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large, poor = "client", "every permitted feature", "client and calendar"
    plain, deep = Boosting(depth=3), Boosting(depth=4)
    figures = {small: (0.60, 0.62), poor: (0.50, 0.52), large: (0.61, 0.63)}
    found = {name: [(low, plain), (high, deep)] for name, (low, high) in figures.items()}
    taken = {}
    for error in (0.005, 0.02):
        monkeypatch.setattr(tune, "_standard_error", lambda rows, error=error: error)
        taken[error] = tune.chosen_bank(_rows(), found)
    assert [taken[error]["features"] for error in taken] == [large, small]
    assert taken[0.02]["estimator"] == deep.model_dump()


def _rows() -> Rows:
    """No rows, but every column that a set may name."""
    names = sorted({name for names in tune.FEATURE_SETS.values() for name in names})
    portfolio = open_portfolio(ROOT, "bank_deposits")
    spec = read_models(portfolio.folder / "models.yaml", portfolio.features).models["propensity"]
    frame = pl.DataFrame({"contact_id": [1], "event_timestamp": [datetime(2009, 1, 1, tzinfo=UTC)]})
    return Rows(frame, tuple(FeatureColumn(name, "view", "float", 60) for name in names), spec)
