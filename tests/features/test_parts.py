"""Tables that come in parts, month after month, end as those that come at once; what is refused leaves nothing."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from features.ingest import QuarantineExceeded, ingest
from features.lake import Lake, NoData
from features.portfolio import Portfolio, PortfolioError, read_parts, read_tables
from features.spec import CREATED, EVENT
from features.staging import MonthInTwoParts, PartsOutOfOrder, StagedElsewhere, Staging
from tests.features.small import KEY, TIME, months, portfolio, raw
from tests.features.test_lake import files

JANUARY, FEBRUARY, MARCH, MAY = date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 5, 31)
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
    ingest(loans, monthly, JANUARY)
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


@pytest.mark.parametrize("order", [("03", "02", "01"), ("01", "03", "02"), ("01", "03", "10", "02")])
def test_parts_out_of_order_are_refused(tmp_path: Path, order: tuple[str, ...]) -> None:
    mixed = BY_MONTH.replace('("2024-01", "2024-02", "2024-03")', repr(tuple(f"2024-{month}" for month in order)))
    lake = Lake(tmp_path / "lake")
    with pytest.raises(PartsOutOfOrder, match=r"in 2024-02 after a part with 2024-(03|10); expected later parts"):
        ingest(in_parts(tmp_path, months(10, 10), mixed), lake, MARCH)
    assert not lake.partitions("loans", "tables", "payments")


ODD_PARTS = """
from pathlib import Path
import polars as pl

def parts(data):
    rows = pl.read_csv(data / "payments.csv", infer_schema=False)
    bad = pl.col("due") == "x"
    for month in ("2024-01", "2024-02", "2024-03"):
        odd = bad if month == "2024-0BAD" else pl.lit(False)
        yield {"payments": rows.filter((~bad & pl.col("created_timestamp").str.starts_with(month)) | odd)}
"""


def with_odd(root: Path, created: str, part: int) -> Portfolio:
    """Three good months, and a bad row in one of their parts that tells another time."""
    odd = raw({KEY: "7", "due": "x", EVENT: created, CREATED: created})
    return in_parts(root, pl.concat([months(10, 3), odd]), ODD_PARTS.replace("BAD", str(part)))


def test_a_bad_rows_odd_time_neither_loses_it_nor_stops_an_ingest(tmp_path: Path) -> None:
    loans, once, monthly = with_odd(tmp_path, "2023-11-05", 3), Lake(tmp_path / "once"), Lake(tmp_path / "monthly")
    for as_of in (JANUARY, FEBRUARY, MARCH):
        ingest(loans, monthly, as_of)
    for lake, report in ((once, ingest(loans, once, MARCH)), (monthly, ingest(loans, monthly, MARCH))):
        (table,) = report.tables
        assert (table.rows_in, table.rows_kept, table.rows_quarantined) == (31, 30, 1)
        assert lake.read("loans", "quarantine", "payments")["row"].to_list() == [31]
    assert ingest(loans, once, MARCH).tables[0].rows_quarantined == 1
    assert files(monthly) == files(once)


def test_a_bad_row_that_is_mended_leaves_the_quarantine(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    ingest(with_odd(tmp_path, "2023-11-05", 3), lake, MARCH)
    ingest(in_parts(tmp_path, months(10, 3), ODD_PARTS), lake, MARCH)
    assert lake.read("loans", "quarantine", "payments").is_empty()


def test_months_before_a_first_bad_rows_time_are_kept(tmp_path: Path) -> None:
    only_bad = ODD_PARTS.replace('("2024-01",', '("2024-00", "2024-01",')
    loans, lake = with_odd(tmp_path, "2024-03-05", 0), Lake(tmp_path / "lake")
    (loans.folder / "tables.py").write_text(only_bad.replace("BAD", "0"))
    assert ingest(loans, lake, MARCH).tables[0].rows_kept == 30
    assert lake.read("loans", "tables", "payments").height == 30


def test_what_another_ingest_removed_is_told(tmp_path: Path) -> None:
    lake, rows = Lake(tmp_path / "lake"), read_typed()
    first = Staging(lake, "loans", JANUARY)
    first.begin(JANUARY)
    first.put({"payments": rows})
    second = Staging(lake, "loans", JANUARY)
    second.begin(JANUARY)
    second.put({"payments": rows.clear()})
    second.put({"payments": rows.head(1)})
    with pytest.raises(StagedElsewhere, match="is gone before it was put in its place"):
        first.commit()
    second.commit()
    assert lake.read("loans", "tables", "payments").height == 1


def read_typed() -> pl.DataFrame:
    return pl.DataFrame({KEY: [1, 2], CREATED: [datetime(2024, 1, 31, tzinfo=UTC)] * 2}).cast({CREATED: TIME})


HELD = """
import weakref
import polars as pl

def made(rows, month, held):
    frame = rows.filter(pl.col("created_timestamp").str.starts_with(month))
    held.append(weakref.ref(frame))
    return {"payments": frame}

def parts(data):
    rows, held = pl.read_csv(data / "payments.csv", infer_schema=False), []
    for month in ("2024-01", "2024-02", "2024-03"):
        yield made(rows, month, held)
        if held[-1]() is not None:
            raise MemoryError(f"the raw frame of {month} is still held")
"""
ITS_OWN = """
import polars as pl

def parts(data):
    rows, own = pl.read_csv(data / "payments.csv", infer_schema=False), {}
    for month in ("2024-01", "2024-02", "2024-03"):
        own |= {"payments": rows.filter(pl.col("created_timestamp").str.starts_with(month))}
        yield own
        assert "payments" in own
"""


@pytest.mark.parametrize("code", [HELD, ITS_OWN])
def test_a_part_is_let_go_and_left_as_it_is_given(tmp_path: Path, code: str) -> None:
    assert ingest(in_parts(tmp_path, months(10, 3), code), Lake(tmp_path / "lake"), MARCH).tables[0].rows_kept == 30


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
