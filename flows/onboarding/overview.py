"""What portfolios there are, in a line each."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.casts import cast
from features.documents import DocumentError, read_document
from features.portfolio import Portfolio, PortfolioError, list_portfolios, open_portfolio, read_parts
from features.spec import CREATED
from training.spec import ModelsSpec


@dataclass(frozen=True)
class Line:
    """One portfolio: its entity, models, months and rows by table; or the fault that keeps it from being read."""

    name: str
    entity: str = ""
    models: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    rows: dict[str, int] | None = None
    fault: str = ""


def overview(root: Path, made: Path | None = None) -> list[Line]:
    """A line for each portfolio in `root`; a broken one does not hide the others."""
    return [_line(root, name, made) for name in list_portfolios(root) if not name.startswith(".")]


def _line(root: Path, name: str, made: Path | None) -> Line:
    try:
        portfolio = open_portfolio(root, name, made=made)
        models = read_document(portfolio.folder / "models.yaml", ModelsSpec)
        first, last, rows = _extent(portfolio)
    except (DocumentError, PortfolioError) as error:
        return Line(name, fault=str(error).splitlines()[0])
    kinds = tuple(f"{model} ({spec.kind})" if model != spec.kind else model for model, spec in models.models.items())
    entity = portfolio.features.entity
    return Line(name, f"{entity.name} ({entity.key})", kinds, first, last, rows)


def _extent(portfolio: Portfolio) -> tuple[str, str, dict[str, int]]:
    months: list[str] = []
    rows: dict[str, int] = {}
    for table, frame in (item for part in read_parts(portfolio) for item in part.items()):
        rows[table] = rows.get(table, 0) + len(frame)
        if CREATED in frame.columns:
            times = frame.select(cast(CREATED, "timestamp", frame.schema[CREATED])).to_series().drop_nulls()
            months += pl.select(pl.lit(times).dt.strftime("%Y-%m")).to_series().unique().to_list()
    return min(months, default=""), max(months, default=""), rows
