"""Portfolios whose raw files a command makes, and whose tables are a package."""

from pathlib import Path

import polars as pl
import pytest

from features.portfolio import Portfolio, PortfolioError, open_portfolio, read_tables
from tests.features.small import ROW, SPEC

MADE = "made_by: lendloop grow\n" + SPEC
TABLES = """
from pathlib import Path

from .rows import payments


def tables(data: Path):
    return {"payments": payments(data)}
"""
ROWS = """
import polars as pl


def payments(data):
    return pl.read_csv(data / "payments.csv", infer_schema=False).with_columns(note=pl.lit("NOTE"))
"""


def written(root: Path, note: str = "first") -> Portfolio:
    folder, raw = root / "portfolios" / "loans", root / "made" / "loans"
    for path in (folder / "tables", raw):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "features.yaml").write_text(MADE)
    (folder / "tables" / "__init__.py").write_text(TABLES)
    (folder / "tables" / "rows.py").write_text(ROWS.replace("NOTE", note))
    pl.DataFrame([ROW]).write_csv(raw / "payments.csv")
    return open_portfolio(root / "portfolios", "loans", made=root / "made")


def test_raw_files_are_read_where_the_command_makes_them(tmp_path: Path) -> None:
    portfolio = written(tmp_path)
    assert portfolio.data == tmp_path / "made" / "loans"
    assert list(portfolio.raw_files()) == ["data/payments.csv"]
    assert read_tables(portfolio)["payments"]["note"].to_list() == ["first"]


def test_a_changed_module_of_the_package_is_another_portfolio(tmp_path: Path) -> None:
    before = written(tmp_path)
    digest = before.digest()
    assert read_tables(before)["payments"]["note"].to_list() == ["first"]
    after = written(tmp_path, "second")
    assert after.digest() != digest
    assert read_tables(after)["payments"]["note"].to_list() == ["second"]
    assert [path.name for path in after.code] == ["__init__.py", "rows.py"]


def test_a_portfolio_without_its_raw_files_names_the_command(tmp_path: Path) -> None:
    written(tmp_path)
    elsewhere = open_portfolio(tmp_path / "portfolios", "loans", made=tmp_path / "empty")
    with pytest.raises(PortfolioError, match=r"no raw files yet: .*make them with `lendloop grow`"):
        read_tables(elsewhere)
