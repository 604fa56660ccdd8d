"""Faults of records come as often as they are ordered, and the truth tells each."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simulation.calendar import DAY_US, Day
from simulation.draws import Draws
from simulation.records.faults import landed
from simulation.records.landing import Landings
from simulation.scenarios.scenario import Scenario, load, parsed
from simulation.schema import EXEMPT, RAW, TABLES
from simulation.schema.table import CREATED, EVENT
from simulation.schema.truth import FAULTS, ROW_ID
from simulation.simulate import simulate
from tests.simulation.small import described, digests
from tests.simulation.small import rows as rows_of

DAY = Day(19_800)  # 2024-03-18
COUNT = 200_000
TABLE = RAW["balances"]
FEW = {"complaints", "listings", "holdings", "collections", "transfers"}
"""Tables of which a small world has some rows, or none."""
CORRECTED_BY = datetime(2024, 2, 20)
"""Whatever happened before has been corrected by the end of February."""
MAY_MISS = {"bureau_score"}
"""Missing where all is well too: the bureau has no file."""


def scenario(**records: object) -> Scenario:
    none = {"late": 0.0, "corrected": 0.0, "duplicated": 0.0}
    return parsed({"name": "mine", "about": "A test.", "records": {**none, **records}}, "mine")


def balances(count: int = COUNT) -> dict[str, np.ndarray]:
    ids = np.arange(1, count + 1)
    moment = np.full(count, DAY.number * DAY_US)
    return {"customer_id": ids, "current_cents": ids * 100, "savings_cents": ids * 10, "event_timestamp": moment}


def faults(**records: object) -> tuple[Mapping[str, np.ndarray], dict[str, int]]:
    rows, found = landed(scenario(**records), Draws(1), DAY, TABLE, balances())
    return rows, {FAULTS[frame["fault"][0]]: len(frame["fault"]) for frame in found.frames}


@pytest.mark.parametrize(
    ("kind", "share"), [("late", 0.1), ("corrected", 0.02), ("duplicated", 0.01), ("malformed", 0.005)]
)
def test_each_fault_comes_as_often_as_ordered(kind: str, share: float) -> None:
    _, found = faults(**{kind: share})
    assert found.keys() == {kind}
    assert abs(found[kind] / COUNT - share) < 0.0015


def test_without_faults_everything_comes_once_and_within_seconds() -> None:
    rows, found = faults()
    assert not found
    lag = rows["created_timestamp"] - rows["event_timestamp"]
    assert len(lag) == COUNT
    assert 0 <= lag.min() < lag.max() < 90_000_000


def test_late_is_days_late() -> None:
    rows, found = faults(late=0.1, late_days=4)
    days = (rows["created_timestamp"] - rows["event_timestamp"]) // DAY_US
    assert set(days) == {0, 1, 2, 3, 4}
    assert (days > 0).sum() == found["late"]


def test_what_a_decision_needs_is_never_days_late() -> None:
    for table in ("applications", "bureau", "signals"):
        ids = np.arange(1, 2_001)
        rows = {RAW[table].columns[0].name: ids, "event_timestamp": np.full(2_000, DAY.number * DAY_US)}
        arrived, found = landed(scenario(late=0.5), Draws(1), DAY, RAW[table], rows)
        assert (arrived["created_timestamp"] - arrived["event_timestamp"]).max() < 90_000_000, table
        assert not found.frames


def test_what_is_corrected_is_wrong_first_and_right_later() -> None:
    rows, found = faults(corrected=0.02)
    table = TABLE.frame(rows).sort("created_timestamp")
    first, last = (table.unique("customer_id", keep=keep) for keep in ("first", "last"))
    wrong = pl.col("current") != pl.col("customer_id").cast(pl.Float64)
    assert first.filter(wrong).height == found["corrected"] == len(table) - COUNT
    assert last.filter(wrong).height == 0


def test_what_is_malformed_is_missing_or_absurd() -> None:
    rows, found = faults(malformed=0.02)
    table = TABLE.frame(rows)
    missing, absurd = table["current"].null_count(), (table["current"] < 0).sum()
    assert missing > 0
    assert absurd > 0
    assert missing + absurd == found["malformed"]


def test_a_drift_changes_a_column_from_its_month_on() -> None:
    drift = {"table": "balances", "column": "savings", "factor": 10.0}
    for month, factor in ((2, 10), (3, 1)):
        rows, found = landed(scenario(drifts=[{**drift, "month": month}]), Draws(1), DAY, TABLE, balances(10))
        assert (rows["savings_cents"] == balances(10)["savings_cents"] * factor).all()
        assert not found.frames


def test_during_an_outage_nothing_lands_and_afterwards_all_but_the_lost(tmp_path: Path) -> None:
    outage = {"month": 2, "days": 3, "table": "balances", "lost": 0.25}  # from 10 March on
    landings = Landings(scenario(outages=[outage]), 1, tmp_path, "people")
    counts = {}
    for number in range(Day.on(DAY.date.replace(day=9)).number, Day.on(DAY.date.replace(day=15)).number):
        events = {**balances(1000), "event_timestamp": np.full(1000, number * DAY_US)}
        landed_now = landings.write(Day(number), {"balances": events})
        counts[Day(number).date.day] = landed_now["balances"].height if "balances" in landed_now else 0
    assert {day: count for day, count in counts.items() if day != 13} == {9: 1000, 10: 0, 11: 0, 12: 0, 14: 1000}
    assert abs(counts[13] - 1000 - 3000 * 0.75) < 120


def test_during_an_outage_no_correction_lands_either() -> None:
    """Neither of what happened before, nor where two outages follow on one another, in whatever order they are told."""
    for days in ((3, 7), (7, 3)):
        outages = [{"month": 2, "days": some, "table": "balances"} for some in days]
        happened = {**balances(2_000), EVENT: np.full(2_000, (DAY.number - 10) * DAY_US)}  # 8 March
        records = scenario(corrected=0.5, late_days=5, outages=outages)
        rows, _ = landed(records, Draws(1), Day(DAY.number - 10), TABLE, happened)
        on = np.unique(rows[CREATED] // DAY_US) - (DAY.number - 18)
        assert set(on + 1) >= {9, 10, 18}, on
        assert not {11, 12, 13, 14, 15, 16, 17} & set(on + 1)


def test_a_drift_of_whole_numbers_stays_within_what_their_column_holds() -> None:
    drift = {"month": 0, "table": "applications", "column": "term_months", "factor": 100}
    asked = {"application_id": np.arange(1, 4), "term_months": np.array([1, 2, 12], dtype=np.uint8)}
    rows, _ = landed(
        scenario(drifts=[drift]), Draws(1), DAY, RAW["applications"],
        {**asked, EVENT: np.full(3, DAY.number * DAY_US)},
    )  # fmt: skip
    assert list(rows["term_months"]) == [100, 200, 255]


def spoiling() -> Scenario:
    """Three records in ten are malformed and a fifth is corrected, a few days later."""
    bad = load("bad_data")
    many = bad.records.model_copy(update={"malformed": 0.3, "corrected": 0.2, "late": 0.0})
    return bad.model_copy(update={"records": many})


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of it."""
    folder = tmp_path_factory.mktemp("spoiled")
    simulate(described(scenario=spoiling()), 2, folder)
    return folder


def test_faults_are_the_same_bytes_whatever_the_chunking(spoiled: Path, tmp_path: Path) -> None:
    simulate(described(part=47, scenario=spoiling()), 2, tmp_path)
    assert digests(tmp_path) == digests(spoiled)


def test_a_fault_names_the_one_row_that_was_spoiled(spoiled: Path) -> None:
    """Also where a key has several columns: of four checks of an application, of the items of a basket."""
    told = rows_of(spoiled, "true_faults")
    assert told.n_unique(TABLES["true_faults"].key) == len(told) > 500
    bad = {"signals": pl.col("score"), "orders": pl.col("amount"), "instalments": pl.col("principal")}
    bad = {table: number.is_null() | (number < 0) for table, number in bad.items()}
    named = {"logins": "result", "app_events": "event", "devices": "system"}
    for table, wrong in {**bad, **{table: pl.col(name).is_null() for table, name in named.items()}}.items():
        mine = told.filter(pl.col("table") == table, pl.col("fault").cast(pl.String) == "malformed")
        keys = [pl.col(name).to_physical().cast(pl.Int64) for name in RAW[table].key]
        found = rows_of(spoiled, table).filter(wrong)
        expected = set(found.select(keys).iter_rows())
        assert set(mine.select(ROW_ID[: len(keys)]).iter_rows()) == expected, table
        assert len(expected) > 5, table


@pytest.mark.parametrize("table", sorted(RAW.keys() - EXEMPT))
def test_every_table_has_corrected_and_malformed_records(spoiled: Path, table: str) -> None:
    """Those that lenders' own systems land: all but the reference tables, which are handed over whole."""
    if not (spoiled / "raw" / table).is_dir():
        assert table in FEW, table
        return
    rows, key, column = rows_of(spoiled, table), list(RAW[table].key), RAW[table].spoiled
    assert column is not None
    told = rows_of(spoiled, "true_faults").filter(pl.col("table") == table)
    faults = dict(told.cast({"fault": pl.String}).group_by("fault").len().iter_rows())
    assert set(told.filter(pl.col("column") != "")["column"]) <= {column.name}
    assert table in FEW or min(faults["corrected"], faults["malformed"]) >= 3, (table, faults)
    fault, in_time = pl.col("fault").cast(pl.String), pl.col(EVENT) < pl.lit(CORRECTED_BY).dt.replace_time_zone("UTC")
    corrected = told.filter(fault == "corrected", in_time).select(ROW_ID[: len(key)])
    physical = [pl.col(name).to_physical().cast(pl.Int64).alias(ROW_ID[place]) for place, name in enumerate(key)]
    again = rows.with_columns(physical).join(corrected, on=corrected.columns, how="semi").sort(CREATED)
    last = again.unique(corrected.columns, keep="last", maintain_order=True)
    assert len(last) == len(corrected)
    assert last[column.name].null_count() == 0 or column.name in MAY_MISS, table
    if column.name not in key:
        first = again.unique(corrected.columns, keep="first", maintain_order=True)
        both = first.join(last, on=corrected.columns, suffix="_last")
        assert both.filter(pl.col(column.name).eq_missing(pl.col(f"{column.name}_last"))).is_empty(), table
        assert (both[f"{CREATED}_last"] > both[CREATED]).all()
