"""A portfolio: the folder a lender brings, and the raw tables in it."""

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.documents import read_document
from features.spec import FeatureSpec

TableReader = Callable[[Path], dict[str, pl.DataFrame]]


class PortfolioError(ValueError):
    """The portfolio's folder cannot be used; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Portfolio:
    """A portfolio's folder and its parsed `features.yaml`."""

    name: str
    folder: Path
    features: FeatureSpec

    @property
    def data(self) -> Path:
        """Folder of the raw files."""
        return self.folder / "data"

    def digest(self) -> str:
        """SHA-256 over the raw files, `features.yaml` and the portfolio's own code: what features depend on."""
        whole = hashlib.sha256()
        code = [path for path in (self.folder / "tables.py", self.folder / "features.py") if path.exists()]
        for path in [self.folder / "features.yaml", *code, *sorted(self.data.rglob("*"))]:
            if path.is_file():
                whole.update(path.relative_to(self.folder).as_posix().encode() + b"\0")
                whole.update(hashlib.sha256(path.read_bytes()).digest())
        return whole.hexdigest()


def open_portfolio(root: Path, name: str) -> Portfolio:
    """The portfolio `name` in folder `root`."""
    folder = root / name
    if not (folder / "features.yaml").is_file():
        known = ", ".join(list_portfolios(root)) or "none"
        raise PortfolioError(f"no portfolio {name!r} in {root}: found {known}; make one with `lendloop portfolio new`")
    return Portfolio(name, folder, read_document(folder / "features.yaml", FeatureSpec))


def list_portfolios(root: Path) -> list[str]:
    """Names of the folders in `root` that hold a `features.yaml`, sorted."""
    return sorted(path.parent.name for path in root.glob("*/features.yaml"))


def read_tables(portfolio: Portfolio) -> dict[str, pl.DataFrame]:
    """The canonical tables as the portfolio's `tables.py` makes them, unchecked.

    `tables.py` holds one function, `tables(data: Path) -> dict[str, pl.DataFrame]`. Without it each table is read
    from `data/<table>.parquet` or `data/<table>.csv[.gz]`. Columns may still be text: the contract casts them.
    """
    module = portfolio.folder / "tables.py"
    found = _load(module)(portfolio.data) if module.exists() else _flat_files(portfolio)
    missing = set(portfolio.features.tables) - set(found)
    if missing:
        raise PortfolioError(f"{module}: tables {sorted(missing)} of features.yaml are missing; found {sorted(found)}")
    return {name: found[name] for name in portfolio.features.tables}


def _load(module: Path) -> TableReader:
    spec = importlib.util.spec_from_file_location(f"portfolio_tables_{module.parent.name}", module)
    if spec is None or spec.loader is None:
        raise PortfolioError(f"{module}: cannot be loaded as Python")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    reader = getattr(loaded, "tables", None)
    if not callable(reader):
        raise PortfolioError(f"{module}: expected a function `tables(data: Path) -> dict[str, pl.DataFrame]`")
    return reader  # type: ignore[no-any-return]


def _flat_files(portfolio: Portfolio) -> dict[str, pl.DataFrame]:
    found = {}
    for name in portfolio.features.tables:
        parquet = portfolio.data / f"{name}.parquet"
        csv = next((p for p in (portfolio.data / f"{name}.csv", portfolio.data / f"{name}.csv.gz") if p.exists()), None)
        if parquet.exists():
            found[name] = pl.read_parquet(parquet)
        elif csv is not None:
            found[name] = pl.read_csv(csv, infer_schema=False)
    return found
