"""A year of the simulated lender: all that can happen does, and no model reads what is always the same."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.build import build_features
from features.ingest import ingest
from features.lake import Lake
from features.portfolio import open_portfolio
from flows.worlds import PORTFOLIO, hand_over
from simulation.description import Description
from simulation.schema import TABLES
from simulation.simulate import simulate
from tests.portfolios.small_world import PORTFOLIOS, risky, take_over
from training.spec import read_models

YEAR = date(2024, 12, 31)
HAPPENS = {("transactions", "kind"), ("customers", "change"), ("shocks", "shock")}
"""Enumerated columns all of whose levels occur, `none` apart."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("year")
    simulate(Description(scenario=risky(-1.8), seed=7, customers=300, policy="random"), 12, root / "world")
    return root


@pytest.mark.long
@pytest.mark.parametrize(("table", "column"), sorted(HAPPENS))
def test_every_kind_occurs(world: Path, table: str, column: str) -> None:
    files = sorted(world.glob(f"world/*/{table}/day=*/*.parquet"))
    found = pl.concat([pl.read_parquet(file, columns=[column], hive_partitioning=False) for file in files])
    levels = next(one.levels for one in TABLES[table].columns if one.name == column)
    assert levels is not None
    assert set(found[column].cast(pl.String)) == set(levels) - {"none"}


@pytest.mark.long
def test_no_input_of_a_model_is_constant(world: Path) -> None:
    take_over(world / "world" / "raw" / "customers")
    hand_over(world / "made", world / "world" / "raw")
    portfolio, lake = open_portfolio(PORTFOLIOS, PORTFOLIO, made=world / "made"), Lake(world / "lake")
    ingest(portfolio, lake, YEAR)
    models = read_models(portfolio.folder / "models.yaml", portfolio.features)
    build_features(portfolio, lake, YEAR, models.services())
    same = []
    for service in sorted({model.service for model in models.models.values()}):
        for view, names in portfolio.features.services[service].views.items():
            rows = lake.read(portfolio.name, "features", view)
            same += [f"{view}.{name}" for name in names if rows[name].drop_nulls().n_unique() < 2]
    assert same == []
