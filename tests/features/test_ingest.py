"""Ingest of a made-up portfolio: counts, limits, replays, empty months."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.ingest import IngestReport, QuarantineExceeded, ingest
from features.lake import Lake, NoData
from features.portfolio import PortfolioError
from features.spec import CREATED, EVENT
from tests.features.small import KEY, months, portfolio, raw
from tests.features.test_lake import files

JANUARY, FEBRUARY, MARCH, APRIL = (date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30))
BAD = raw(
    {KEY: "7", "due": "x", EVENT: "2024-03-30", CREATED: "2024-03-30"},
    {KEY: "8", CREATED: "soon"},
)
ROWS = pl.concat([months(10, 3), BAD])


def counted(report: IngestReport) -> tuple[int, int, int, int]:
    (table,) = report.tables
    assert table.rows_in == table.rows_kept + table.rows_quarantined
    return table.rows_in, table.rows_kept, table.rows_quarantined, table.rows_of_month


def test_it_counts_what_is_known_at_the_date(tmp_path: Path) -> None:
    loans, lake = portfolio(tmp_path, ROWS), Lake(tmp_path / "lake")
    assert counted(ingest(loans, lake, JANUARY)) == (11, 10, 1, 10)
    report = ingest(loans, lake, MARCH)
    assert counted(report) == (32, 30, 2, 11)
    assert report.tables[0].reasons == {"created_timestamp: not a timestamp": 1, "due: not an int": 1}
    assert lake.read("loans", "tables", "payments", as_of=JANUARY).height == 10
    assert lake.read("loans", "quarantine", "payments", as_of=JANUARY)["row"].to_list() == [32]


def test_a_second_run_reuses_and_says_the_same(tmp_path: Path) -> None:
    loans, lake = portfolio(tmp_path, ROWS), Lake(tmp_path / "lake")
    first = ingest(loans, lake, MARCH)
    before = files(lake)
    again = ingest(loans, lake, MARCH)
    assert (first.reused, again.reused) == (False, True)
    assert counted(first) == counted(again)
    assert first.tables[0].reasons == again.tables[0].reasons
    assert counted(ingest(loans, lake, JANUARY)) == (11, 10, 1, 10)
    assert files(lake) == before


def test_month_by_month_is_the_same_as_at_once(tmp_path: Path) -> None:
    loans, monthly, once = portfolio(tmp_path, ROWS), Lake(tmp_path / "monthly"), Lake(tmp_path / "once")
    for as_of in (JANUARY, date(2024, 2, 10), FEBRUARY, MARCH):
        ingest(loans, monthly, as_of)
    ingest(loans, once, MARCH)
    assert files(monthly) == files(once)


def test_new_raw_rows_are_taken_in(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    ingest(portfolio(tmp_path, months(10, 3)), lake, MARCH)
    report = ingest(portfolio(tmp_path, months(11, 3)), lake, MARCH)
    assert not report.reused
    assert counted(report) == (33, 33, 0, 11)


def test_too_many_bad_rows_stop_it_with_only_the_quarantine_written(tmp_path: Path) -> None:
    worse = months(10, 3).with_columns(due=pl.when(pl.col(KEY).cast(int) < 4).then(pl.lit("?")).otherwise("due"))
    loans, lake = portfolio(tmp_path, worse), Lake(tmp_path / "lake")
    with pytest.raises(QuarantineExceeded, match=r"9 of 30 rows .* \(3 of 10 in its month\).* due: not an int \(9\)"):
        ingest(loans, lake, MARCH)
    assert lake.read("loans", "quarantine", "payments").height == 9
    assert not lake.partitions("loans", "tables", "payments")


def test_a_bad_month_does_not_hide_among_good_ones(tmp_path: Path) -> None:
    late = (pl.col(KEY).cast(int) < 4) & (pl.col(EVENT) > "2024-03")
    loans = portfolio(tmp_path, months(10, 3).with_columns(due=pl.when(late).then(pl.lit("?")).otherwise("due")))
    lake = Lake(tmp_path / "lake")
    ingest(loans, lake, FEBRUARY)
    with pytest.raises(QuarantineExceeded, match=r"3 of 30 rows .* \(3 of 10 in its month\)"):
        ingest(loans, lake, MARCH)


def test_a_month_in_which_nothing_became_known_is_said(tmp_path: Path) -> None:
    loans, lake = portfolio(tmp_path, months(2, 2)), Lake(tmp_path / "lake")
    ingest(loans, lake, date(2024, 3, 15))
    with pytest.raises(
        NoData, match=r"from 2024-04-01 to 2024-04-30; the raw tables hold rows from 2024-01-31 to 2024-02-29"
    ):
        ingest(loans, lake, APRIL)
    with pytest.raises(NoData, match=r"from 2023-11-01 to 2023-12-15"):
        ingest(loans, Lake(tmp_path / "other"), date(2023, 12, 15))
    assert not (tmp_path / "other").exists()


def test_a_month_without_rows_is_said_whatever_was_ingested_before(tmp_path: Path) -> None:
    gap = months(2, 3).filter(~pl.col(EVENT).str.starts_with("2024-02"))
    loans, lake = portfolio(tmp_path, gap), Lake(tmp_path / "lake")
    for _ in range(2):
        with pytest.raises(NoData, match=r"nothing became known from 2024-02-01 to 2024-02-29"):
            ingest(loans, lake, FEBRUARY)
        assert counted(ingest(loans, lake, MARCH)) == (4, 4, 0, 2)
    assert counted(ingest(loans, lake, JANUARY)) == (2, 2, 0, 2)
    assert counted(ingest(loans, lake, date(2024, 2, 15))) == (2, 2, 0, 0)  # that month is not over


def test_a_missing_raw_file_is_said(tmp_path: Path) -> None:
    loans = portfolio(tmp_path, months(2, 2))
    (loans.data / "payments.csv").unlink()
    with pytest.raises(PortfolioError, match=r"data: tables \['payments'\] of features\.yaml are missing; found none"):
        ingest(loans, Lake(tmp_path / "lake"), JANUARY)
