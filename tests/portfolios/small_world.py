"""A small simulated world in which defaults are common, so that a few hundred people are enough to learn from."""

from datetime import UTC, datetime, time
from pathlib import Path

import polars as pl

from features.portfolio import Portfolio, open_portfolio
from features.spec import CREATED
from flows.worlds import PORTFOLIO, hand_over
from simulation.description import Description
from simulation.scenarios.scenario import Scenario, load
from simulation.simulate import simulate

PORTFOLIOS = Path(__file__).parents[2] / "portfolios"
CUSTOMERS, MONTHS = 300, 3


def risky(miss_index: float) -> Scenario:
    """The quiet scenario, but people apply often, pay badly, and records have faults."""
    quiet = load("quiet")
    lending = quiet.lending.model_copy(update={"applications_a_month": 0.35, "miss_index": miss_index})
    records = quiet.records.model_copy(update={"late": 0.02, "duplicated": 0.01, "corrected": 0.01, "malformed": 0.01})
    return quiet.model_copy(update={"lending": lending, "records": records})


def simulated(root: Path, customers: int = CUSTOMERS, months: int = MONTHS, miss_index: float = -1.2) -> Portfolio:
    """The portfolio, opened over a world that was simulated below `root`."""
    simulate(Description(scenario=risky(miss_index), seed=7, customers=customers), months, root / "world")
    take_over(root / "world" / "raw" / "customers")
    hand_over(root / "made", root / "world" / "raw")
    return open_portfolio(PORTFOLIOS, PORTFOLIO, made=root / "made")


def take_over(folder: Path) -> None:
    """Have the profiles of earlier years known from the world's first day on, as where a lender takes customers over.

    Else every table has a partition for each month of those years, which are most of the time of ingest and build.
    """
    start = datetime.combine(load("quiet").start, time(), UTC)
    files = list(folder.glob(f"day={start.date()}/*.parquet"))
    assert files, f"{folder} has no customers of the first day"
    for file in files:
        rows = pl.read_parquet(file, hive_partitioning=False)
        known = pl.max_horizontal(CREATED, pl.lit(start).cast(rows.schema[CREATED]))
        rows.with_columns(known.alias(CREATED)).write_parquet(file)
