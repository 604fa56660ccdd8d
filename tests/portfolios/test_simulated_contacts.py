"""The simulated lender's contacts: those that were made, and no others."""

import importlib
import importlib.util
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.worlds import PORTFOLIO
from tests.portfolios.small_world import PORTFOLIOS

NAME = "simulated_lender_tables"


@pytest.fixture(scope="module")
def marketing() -> Any:
    """The portfolio's module of that name."""
    folder = PORTFOLIOS / PORTFOLIO / "tables"
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])
    return importlib.import_module(f"{NAME}.marketing")


def land(folder: Path, day: str, rows: pl.DataFrame) -> None:
    moment = pl.lit(datetime.fromisoformat(day)).cast(pl.Datetime("us", "UTC"))
    (folder / f"day={day}").mkdir(parents=True)
    clocked = rows.with_columns(event_timestamp=moment, created_timestamp=moment)
    clocked.write_parquet(folder / f"day={day}" / "people.parquet")


def test_who_was_held_out_or_contacted_as_often_as_is_allowed_was_not_contacted(marketing: Any, tmp_path: Path) -> None:
    contacts = pl.DataFrame(
        {
            "contact_id": [1, 2, 3], "customer_id": [7, 8, 9], "campaign_id": [1, 1, 1], "channel": ["sms"] * 3,
            "offer": ["cash_loan"] * 3, "cost": [0.1, 0.0, 0.0], "delivered": [True, False, False],
            "held_out": [False, True, False], "refused": [False, False, True],
        }
    )  # fmt: skip
    for day in ("2024-01-01", "2024-01-31"):
        land(tmp_path / "customers", day, pl.DataFrame({"customer_id": [7, 8, 9]}))
    land(tmp_path / "contacts", "2024-01-10", contacts)
    raw = importlib.import_module(f"{NAME}.raw").Raw(tmp_path)
    (period,) = raw.periods
    assert marketing.Contacts(raw).of(period)["contact_id"].to_list() == [1]
