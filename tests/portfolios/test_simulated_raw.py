"""The simulated lender's raw files: what has landed, and that nothing else is read."""

import importlib.util
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.worlds import PORTFOLIO, hand_over
from simulation.schema import RAW
from tests.portfolios.small_world import PORTFOLIOS


@pytest.fixture(scope="module")
def raw() -> Any:
    """The portfolio's module of that name, which is no part of a package that could be imported."""
    file = PORTFOLIOS / PORTFOLIO / "tables" / "raw.py"
    spec = importlib.util.spec_from_file_location("simulated_lender_raw", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def land(folder: Path, *days: str) -> None:
    for day in days:
        (folder / f"day={day}").mkdir(parents=True)
        moment = pl.lit(datetime.fromisoformat(day)).cast(pl.Datetime("us", "UTC"))
        rows = pl.DataFrame({"customer_id": [1]}).with_columns(event_timestamp=moment, created_timestamp=moment)
        rows.write_parquet(folder / f"day={day}" / "people.parquet")


def test_a_day_without_files_has_not_landed(raw: Any, tmp_path: Path) -> None:
    land(tmp_path / "customers", "2024-01-01", "2024-01-31")
    (tmp_path / "logins" / "day=2024-02-29").mkdir(parents=True)
    found = raw.Raw(tmp_path)
    assert (found.until, len(found.months)) == (datetime(2024, 2, 1), 1)


def test_nothing_but_raw_tables_is_read(raw: Any, tmp_path: Path) -> None:
    """Through the link that features are given the truth beside the raw tables is a path away: it is refused."""
    land(tmp_path / "world" / "raw" / "customers", "2024-01-01", "2024-01-31")
    land(tmp_path / "world" / "truth" / "true_people", "2024-01-01")
    (tmp_path / "world" / "raw" / "logins").symlink_to("../truth/true_people")
    (tmp_path / "world" / "raw" / "true_people").symlink_to("../truth/true_people")
    hand_over(tmp_path / "made", tmp_path / "world" / "raw")
    given = tmp_path / "made" / PORTFOLIO
    assert (given / ".." / "truth" / "true_people").is_dir(), "there is something to hide"
    found = raw.Raw(given)
    assert found.read("customers", {"customer_id": pl.Int64}).height == 2
    absolute = str(tmp_path / "world" / "truth" / "true_people")
    for name in ("../truth/true_people", "customers/../../truth/true_people", "true_people", absolute, "logins"):
        with pytest.raises(raw.NotRaw, match="expected"):
            found.scan(name, {"customer_id": pl.Int64})
    day = tmp_path / "world" / "raw" / "listings" / "day=2024-01-01"
    day.parent.mkdir()
    day.symlink_to("../../truth/true_people/day=2024-01-01")
    with pytest.raises(raw.NotRaw, match="expected a file below"):
        found.scan("listings", {"customer_id": pl.Int64})
    assert set(RAW) == raw.TABLES
