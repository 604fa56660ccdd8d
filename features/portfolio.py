"""A portfolio: the folder a lender brings, and the raw tables in it."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
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

Tables = dict[str, pl.DataFrame]
TableReader = Callable[[Path], Tables]
PartsReader = Callable[[Path], Iterator[Tables]]


class PortfolioError(ValueError):
    """The portfolio's folder cannot be used; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Portfolio:
    """A portfolio's folder and its parsed `features.yaml`."""

    name: str
    folder: Path
    features: FeatureSpec
    made: Path | None = None
    """Folder under which commands put raw files that they make, by portfolio."""

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process a portfolio goes as its folder: its own transforms are code, and are loaded there."""
        return open_portfolio, (self.folder.resolve().parent, self.name)

    @property
    def data(self) -> Path:
        """Folder of the raw files: `data` in the portfolio's own, or where a command of ours makes them."""
        if self.features.made_by is None:
            return self.folder / "data"
        return (self.made or self.folder / "made") / self.name

    @property
    def code(self) -> list[Path]:
        """The portfolio's own Python: `tables.py`, or the package `tables`, and `features.py`."""
        found = [self.folder / "tables.py", *sorted((self.folder / "tables").glob("*.py")), self.folder / "features.py"]
        return [path for path in found if path.is_file()]

    def raw_files(self) -> dict[str, str]:
        """The SHA-256 of each raw file, by its path from the folder that `data` is in."""
        return {path: _digest(file).hex() for path, file in self._raw()}

    def digest(self) -> str:
        """SHA-256 over the raw files, `features.yaml` and the portfolio's own code: what features depend on."""
        whole = hashlib.sha256()
        ours = [
            (path.relative_to(self.folder).as_posix(), path) for path in (self.folder / "features.yaml", *self.code)
        ]
        for name, path in [*ours, *self._raw()]:
            whole.update(name.encode() + b"\0")
            whole.update(_digest(path))
        return whole.hexdigest()

    def _raw(self) -> list[tuple[str, Path]]:
        files = (path for path in sorted(self.data.rglob("*")) if path.is_file())
        return [(f"data/{path.relative_to(self.data).as_posix()}", path) for path in files]


def _digest(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def open_portfolio(root: Path, name: str, *, made: Path | None = None) -> Portfolio:
    """The portfolio `name` in folder `root`; `made` is where commands put raw files that they make."""
    folder = root / name
    if not (folder / "features.yaml").is_file():
        known = ", ".join(list_portfolios(root)) or "none"
        raise PortfolioError(
            f"no portfolio {name!r} in {root}: found {known}; make one with "
            f"`lendloop portfolio new {name} --from FILE --time COLUMN --label COLUMN`"
        )
    spec = read_document(folder / "features.yaml", FeatureSpec).with_transforms(_transforms(folder / "features.py"))
    check_definitions(spec, folder / "features.yaml")
    return Portfolio(name, folder, spec, made)


def list_portfolios(root: Path) -> list[str]:
    """Names of the folders in `root` that hold a `features.yaml`, sorted."""
    return sorted(path.parent.name for path in root.glob("*/features.yaml"))


def read_tables(portfolio: Portfolio) -> Tables:
    """The canonical tables whole, as `read_parts` gives them."""
    parts = list(read_parts(portfolio))
    return {name: pl.concat([part[name] for part in parts]) for name in parts[0]}


def read_parts(portfolio: Portfolio) -> Iterator[Tables]:
    """The canonical tables as the portfolio's `tables.py` makes them, unchecked; at least one part.

    `tables.py`, or the package `tables`, holds one function, `tables(data: Path) -> dict[str, pl.DataFrame]`; or, where
    all tables at once are too much to hold, `parts(data: Path)`, which gives such dicts one after another. A month in
    which rows became known is whole in one part, and later parts have later months. Without either each table is read
    from `data/<table>.parquet` or `data/<table>.csv[.gz]`. Columns may still be text: the contract casts them.
    """
    if (command := portfolio.features.made_by) is not None and not portfolio.data.is_dir():
        raise PortfolioError(
            f"portfolio {portfolio.name!r} has no raw files yet: expected them in {portfolio.data}; "
            f"make them with `{command}`"
        )
    package = portfolio.folder / "tables" / "__init__.py"
    module = package if package.exists() else portfolio.folder / "tables.py"
    where = module if module.exists() else portfolio.data
    for found in _own_parts(module, portfolio.data) if module.exists() else iter([_flat_files(portfolio)]):
        if missing := sorted(set(portfolio.features.tables) - set(found)):
            there = sorted(found) or "none"
            raise PortfolioError(f"{where}: tables {missing} of features.yaml are missing; found {there}")
        yield {name: found.pop(name) for name in portfolio.features.tables}  # nothing of it is held here


def _own_parts(module: Path, data: Path) -> Iterator[Tables]:
    name, reader = _reader(module)
    given = 0
    try:
        for found in reader(data):
            _check_kind(f"{module}: {name}()", found)
            given += 1
            ours = dict(found)  # the caller empties it; theirs may be one that they go on with
            del found
            yield ours
    except PortfolioError:
        raise
    except Exception as error:
        raise PortfolioError(
            f"{module}: {name}() failed on {data}: {type(error).__name__}: {unquoted(error)}"
        ) from error
    if not given:
        raise PortfolioError(f"{module}: {name}() gave no part; expected at least one")


def _reader(module: Path) -> tuple[str, PartsReader]:
    loaded = _load(module)
    parts: PartsReader | None = getattr(loaded, "parts", None)
    whole: TableReader | None = getattr(loaded, "tables", None)
    if callable(parts):
        return "parts", parts
    if callable(whole):
        return "tables", lambda data: iter([whole(data)])
    raise PortfolioError(f"{module}: expected a function `tables(data: Path) -> dict[str, pl.DataFrame]`")


def _check_kind(function: str, found: object) -> None:
    if not isinstance(found, dict) or not all(isinstance(frame, pl.DataFrame) for frame in found.values()):
        verb = "give dicts" if function.endswith("parts()") else "return a dict"
        raise PortfolioError(f"{function} must {verb} of Polars data frames, found {type(found).__name__}")


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
    package = module.name == "__init__.py"
    name = f"portfolio_{module.parent.name}_{module.parent.parent.name if package else module.stem}"
    inside = [str(module.parent)] if package else None
    spec = importlib.util.spec_from_file_location(name, module, submodule_search_locations=inside)
    if spec is None or spec.loader is None:
        raise PortfolioError(f"{module}: cannot be loaded as Python")
    loaded = importlib.util.module_from_spec(spec)
    if package:
        _forget(name)  # its modules may have changed, or be another folder's
        sys.modules[name] = loaded  # where its own relative imports look for it
    try:
        spec.loader.exec_module(loaded)
    except Exception as error:
        raise PortfolioError(f"{module}: cannot be loaded: {type(error).__name__}: {error}") from error
    return loaded


def _forget(package: str) -> None:
    for name in [one for one in sys.modules if one == package or one.startswith(f"{package}.")]:
        del sys.modules[name]


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
