"""A portfolio: the folder a lender brings, and the raw tables in it."""

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from features.definitions import check_definitions
from features.documents import read_document
from features.spec import FeatureSpec
from features.transforms.registry import BUILT_IN, Registry
from features.unquoted import unquoted

TableReader = Callable[[Path], dict[str, pl.DataFrame]]


class PortfolioError(ValueError):
    """The portfolio's folder cannot be used; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Portfolio:
    """A portfolio's folder and its parsed `features.yaml`."""

    name: str
    folder: Path
    features: FeatureSpec

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process a portfolio goes as its folder: its own transforms are code, and are loaded there."""
        return open_portfolio, (self.folder.resolve().parent, self.name)

    @property
    def data(self) -> Path:
        """Folder of the raw files."""
        return self.folder / "data"

    def raw_files(self) -> dict[str, str]:
        """The SHA-256 of each raw file, by its path in the folder."""
        files = (path for path in sorted(self.data.rglob("*")) if path.is_file())
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }

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
        raise PortfolioError(
            f"no portfolio {name!r} in {root}: found {known}; make one with "
            f"`lendloop portfolio new {name} --from FILE --time COLUMN --label COLUMN`"
        )
    spec = read_document(folder / "features.yaml", FeatureSpec).with_transforms(_transforms(folder / "features.py"))
    check_definitions(spec, folder / "features.yaml")
    return Portfolio(name, folder, spec)


def list_portfolios(root: Path) -> list[str]:
    """Names of the folders in `root` that hold a `features.yaml`, sorted."""
    return sorted(path.parent.name for path in root.glob("*/features.yaml"))


def read_tables(portfolio: Portfolio) -> dict[str, pl.DataFrame]:
    """The canonical tables as the portfolio's `tables.py` makes them, unchecked.

    `tables.py` holds one function, `tables(data: Path) -> dict[str, pl.DataFrame]`. Without it each table is read
    from `data/<table>.parquet` or `data/<table>.csv[.gz]`. Columns may still be text: the contract casts them.
    """
    module = portfolio.folder / "tables.py"
    found = _own_tables(module, portfolio.data) if module.exists() else _flat_files(portfolio)
    missing = sorted(set(portfolio.features.tables) - set(found))
    if missing:
        where = module if module.exists() else portfolio.data
        raise PortfolioError(f"{where}: tables {missing} of features.yaml are missing; found {sorted(found) or 'none'}")
    return {name: found[name] for name in portfolio.features.tables}


def _own_tables(module: Path, data: Path) -> dict[str, pl.DataFrame]:
    reader: TableReader | None = getattr(_load(module), "tables", None)
    if not callable(reader):
        raise PortfolioError(f"{module}: expected a function `tables(data: Path) -> dict[str, pl.DataFrame]`")
    try:
        found = reader(data)
    except Exception as error:
        raise PortfolioError(
            f"{module}: tables() failed on {data}: {type(error).__name__}: {unquoted(error)}"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(frame, pl.DataFrame) for frame in found.values()):
        raise PortfolioError(
            f"{module}: tables() must return a dict of Polars data frames, found {type(found).__name__}"
        )
    return found


def _transforms(module: Path) -> Registry:
    if not module.exists():
        return BUILT_IN
    own = getattr(_load(module), "TRANSFORMS", None)
    if not isinstance(own, Registry):
        raise PortfolioError(f"{module}: expected `TRANSFORMS = Registry()` and transforms registered in it")
    try:
        return Registry(BUILT_IN, own)
    except ValueError as error:
        raise PortfolioError(f"{module}: {error}") from None


def _load(module: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"portfolio_{module.stem}_{module.parent.name}", module)
    if spec is None or spec.loader is None:
        raise PortfolioError(f"{module}: cannot be loaded as Python")
    loaded = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(loaded)
    except Exception as error:
        raise PortfolioError(f"{module}: cannot be loaded: {type(error).__name__}: {error}") from error
    return loaded


def _flat_files(portfolio: Portfolio) -> dict[str, pl.DataFrame]:
    found = {}
    for name in portfolio.features.tables:
        for file in (portfolio.data / f"{name}{ending}" for ending in (".parquet", ".csv", ".csv.gz")):
            if file.exists():
                found[name] = _flat_file(file)
                break
    return found


def _flat_file(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PortfolioError(f"{file}: cannot be read as a table: {unquoted(error)}") from error
