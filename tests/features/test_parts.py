"""Tables that come in parts, month after month, end as those that come at once; what is refused leaves nothing."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.ingest import QuarantineExceeded, ingest
from features.lake import Lake, NoData
from features.portfolio import Portfolio, PortfolioError, read_parts, read_tables
from features.spec import CREATED, EVENT
from features.staging import MonthInTwoParts
from tests.features.small import KEY, months, portfolio, raw
from tests.features.test_lake import files

FEBRUARY, MARCH, MAY = date(2024, 2, 29), date(2024, 3, 31), date(2024, 5, 31)
BY_MONTH = """
from pathlib import Path
import polars as pl

def parts(data):
    rows = pl.read_csv(data / "payments.csv", infer_schema=False)
    for month in ("2024-01", "2024-02", "2024-03"):
        (data.parent / f"read-{month}").touch()
        yield {"payments": rows.filter(pl.col("created_timestamp").str.starts_with(month))}
"""
ROWS = pl.concat([months(10, 3), raw({KEY: "7", "due": "x", EVENT: "2024-03-30", CREATED: "2024-03-30"})])


def in_parts(root: Path, rows: pl.DataFrame, code: str = BY_MONTH) -> Portfolio:
    loans = portfolio(root, rows)
    (loans.folder / "tables.py").write_text(code)
    return loans


def test_the_lake_is_the_same_as_of_tables_at_once(tmp_path: Path) -> None:
    parts, whole = Lake(tmp_path / "parts"), Lake(tmp_path / "whole")
    (tmp_path / "other").mkdir()
    found = ingest(in_parts(tmp_path, ROWS), parts, MARCH)
    expected = ingest(portfolio(tmp_path / "other", ROWS), whole, MARCH)
    assert files(parts) == files(whole)
    assert found.tables == expected.tables
    assert read_tables(in_parts(tmp_path, ROWS))["payments"].height == 31
    assert parts.read("loans", "quarantine", "payments")["row"].to_list() == [31]


def test_a_month_by_month_replay_reads_no_further_than_it_needs(tmp_path: Path) -> None:
    monthly, once = Lake(tmp_path / "monthly"), Lake(tmp_path / "once")
    loans = in_parts(tmp_path, ROWS)
    ingest(loans, monthly, date(2024, 1, 31))
    assert sorted(path.name for path in loans.folder.glob("read-*")) == ["read-2024-01", "read-2024-02"]
    for as_of in (FEBRUARY, MARCH):
        ingest(loans, monthly, as_of)
    ingest(loans, once, MARCH)
    assert files(monthly) == files(once)
    assert not list(monthly.root.rglob("*.staged"))


def test_refused_only_the_quarantine_is_written(tmp_path: Path) -> None:
    worse = months(10, 3).with_columns(due=pl.when(pl.col(KEY).cast(int) < 4).then(pl.lit("?")).otherwise("due"))
    lake = Lake(tmp_path / "lake")
    with pytest.raises(QuarantineExceeded, match=r"9 of 30 rows"):
        ingest(in_parts(tmp_path, worse), lake, MARCH)
    assert lake.read("loans", "quarantine", "payments").height == 9
    assert not lake.partitions("loans", "tables", "payments")
    assert not list(lake.root.rglob("*.staged"))


def test_a_feed_that_stopped_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoData, match="hold rows from 2024-01-31 to 2024-03-31"):
        ingest(in_parts(tmp_path, ROWS), Lake(tmp_path / "lake"), MAY)


def test_a_month_in_two_parts_is_refused(tmp_path: Path) -> None:
    twice = BY_MONTH.replace('"2024-03")', '"2024-02")')
    with pytest.raises(MonthInTwoParts, match="became known in 2024-02 in two parts"):
        ingest(in_parts(tmp_path, ROWS, twice), Lake(tmp_path / "lake"), MARCH)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def parts(data):\n    yield {}\n    1 / 0", "tables .* are missing"),
        ("def parts(data):\n    yield 1", r"parts\(\) must give dicts of Polars data frames, found int"),
        ("def parts(data):\n    1 / 0\n    yield {}", r"parts\(\) failed on .*ZeroDivisionError"),
        ("def parts(data):\n    yield from ()", r"parts\(\) gave no part"),
    ],
)
def test_parts_that_cannot_be_read_are_told(tmp_path: Path, code: str, problem: str) -> None:
    with pytest.raises(PortfolioError, match=problem):
        list(read_parts(in_parts(tmp_path, ROWS, code)))
