"""What is wrong with a portfolio folder: each file, the files against each other, and the raw tables."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from features.check import check_spec
from features.documents import Document, DocumentError, Key, place, read_document
from features.portfolio import Portfolio, PortfolioError, open_portfolio, read_parts
from features.spec import FeatureSpec
from monitoring.spec import MonitoringSpec, read_monitoring
from serving.policy import Policy, read_policy
from serving.reasons import CAUSES
from training.spec import ModelSpec, ModelsSpec, read_models

Parsed = TypeVar("Parsed", bound=Document)
FILES = ("features.yaml", "models.yaml", "policy.yaml", "monitoring.yaml")
USE_OF = {"risk": "credit", "propensity": "marketing"}
OF_FEATURES = {"feature_psi", "missing_share"}
MOST_REASONS = 3


@dataclass(frozen=True)
class TableCheck:
    """A raw table against its contract."""

    table: str
    rows_in: int
    rows_quarantined: int
    limit: float
    reasons: dict[str, int]

    @property
    def rows_kept(self) -> int:
        """Rows that keep the contract."""
        return self.rows_in - self.rows_quarantined

    @property
    def commonest(self) -> str:
        """The rules broken most often, with counts."""
        shown = [f"{rule} ({count:,})" for rule, count in list(self.reasons.items())[:MOST_REASONS]]
        return "; ".join(shown)


@dataclass(frozen=True)
class PortfolioCheck:
    """Faults as `file:line: key: found, expected`, and what the raw tables hold."""

    faults: tuple[str, ...]
    tables: tuple[TableCheck, ...]


@dataclass
class _Folder:
    """The folder's documents as far as they parse, and the faults met on the way."""

    path: Path
    faults: list[str] = field(default_factory=list)

    def try_to(self, parse: Callable[[], Parsed]) -> Parsed | None:
        try:
            return parse()
        except DocumentError as error:
            self.faults += str(error).splitlines()
        return None

    def at(self, file: str, *key: str | int) -> str:
        path: Key = key
        return place(self.path / file, path)


def check_portfolio(root: Path, name: str, *, made: Path | None = None) -> PortfolioCheck:
    """Check everything about the portfolio `name` in `root` that can be known without running it.

    `made`: where commands put raw files that they make.
    """
    folder = _Folder(root / name)
    portfolio = _documents(root, name, folder, made)
    tables = tuple(_tables(portfolio, folder) if portfolio else ())
    return PortfolioCheck(tuple(dict.fromkeys(folder.faults)), tables)


def check_documents(root: Path, name: str) -> tuple[str, ...]:
    """The faults of the four files by themselves and together; the raw tables are not read."""
    folder = _Folder(root / name)
    _documents(root, name, folder)
    return tuple(dict.fromkeys(folder.faults))


def _documents(root: Path, name: str, folder: _Folder, made: Path | None = None) -> Portfolio | None:
    missing = [file for file in FILES if not (folder.path / file).is_file()]
    if len(missing) == len(FILES):
        open_portfolio(root, name)  # says which portfolios there are
    portfolio = _open(root, name, folder, made)
    features = portfolio.features if portfolio else None
    models = folder.try_to(lambda: _models(folder.path / "models.yaml", features))
    policy = folder.try_to(lambda: _policy(folder.path / "policy.yaml", features, models))
    monitoring = folder.try_to(lambda: read_monitoring(folder.path / "monitoring.yaml"))
    folder.faults += _cross_checks(folder, features, models, policy, monitoring)
    return portfolio


def _open(root: Path, name: str, folder: _Folder, made: Path | None) -> Portfolio | None:
    if not (folder.path / "features.yaml").is_file():
        folder.faults.append(
            f"{folder.path / 'features.yaml'}: no such file; expected the FeatureSpec of the portfolio"
        )
        return None
    try:
        portfolio = open_portfolio(root, name, made=made)
    except (DocumentError, PortfolioError) as error:
        folder.faults += str(error).splitlines()
        return None
    try:
        check_spec(portfolio)
    except DocumentError as error:
        folder.faults += str(error).splitlines()
    return portfolio


def _models(path: Path, features: FeatureSpec | None) -> ModelsSpec:
    return read_document(path, ModelsSpec) if features is None else read_models(path, features)


def _policy(path: Path, features: FeatureSpec | None, models: ModelsSpec | None) -> Policy:
    known = features is not None and models is not None
    return read_policy(path, features, models) if known else read_document(path, Policy)  # type: ignore[arg-type]


def _cross_checks(
    folder: _Folder,
    features: FeatureSpec | None,
    models: ModelsSpec | None,
    policy: Policy | None,
    monitoring: MonitoringSpec | None,
) -> Iterator[str]:
    if features is not None:
        if models is not None:
            yield from _of_models(folder, features, models)
        if monitoring is not None:
            yield from _of_monitoring(folder, features, monitoring)
    for code in policy.reasons if policy else {}:
        if code in CAUSES:
            yield f"{folder.at('policy.yaml', 'reasons', code)}: is a reason of the platform's own; choose another code"


def _of_models(folder: _Folder, features: FeatureSpec, models: ModelsSpec) -> Iterator[str]:
    for name, model in models.models.items():
        use = features.services[model.service].use
        if use != USE_OF[model.kind]:
            expected = f"a {model.kind} model reads a service with use {USE_OF[model.kind]}"
            where = folder.at("models.yaml", "models", name, "service")
            yield f"{where}: {model.service!r} has use {use}; expected: {expected}"
        elif model.brought is not None:
            yield from _of_brought(folder, features, name, model)
        groups = _features_of(features, model.groups)
        for group in model.fairness.bands:
            if group not in groups:
                where = folder.at("models.yaml", "models", name, "fairness", "bands", group)
                yield f"{where}: no feature of service {model.groups!r}; expected one of {sorted(groups)}"


def _of_brought(folder: _Folder, features: FeatureSpec, name: str, model: ModelSpec) -> Iterator[str]:
    from flows.bringing import proved
    from training.brought.model import BroughtError
    from training.brought.reading import read_brought

    try:
        proved(name, read_brought(folder.path, model, features))
    except BroughtError as error:
        where = folder.at("models.yaml", "models", name, "brought")
        yield from (f"{where}: {line}" for line in str(error).splitlines())


def _of_monitoring(folder: _Folder, features: FeatureSpec, monitoring: MonitoringSpec) -> Iterator[str]:
    known = {name for service in features.services for name in _features_of(features, service)}
    for position, watch in enumerate(monitoring.watch):
        if watch.metric in OF_FEATURES and watch.segment is not None and watch.segment not in known:
            where = folder.at("monitoring.yaml", "watch", position, "segment")
            yield f"{where}: no feature {watch.segment!r}; expected one of {sorted(known)}"


def _features_of(features: FeatureSpec, service: str | None) -> set[str]:
    return {name for _, name in features.chosen(service)} if service in features.services else set()


def _tables(portfolio: Portfolio, folder: _Folder) -> Iterator[TableCheck]:
    from features.contracts import ContractError, check_table

    rows, bad, broken = Counter[str](), Counter[str](), {name: Counter[str]() for name in portfolio.features.tables}
    try:
        for name, frame in (table for part in read_parts(portfolio) for table in part.items() if table[0] in broken):
            try:
                quarantined = check_table(portfolio.features, name, frame).quarantined
            except ContractError as error:
                folder.faults.append(f"{folder.at('features.yaml', 'tables', name, 'columns')}: {error}")
                del broken[name]
                continue
            rows[name] += len(frame)
            bad[name] += len(quarantined)
            broken[name].update(quarantined["rules"].str.split("; ").explode().drop_nulls().to_list())
    except PortfolioError as error:
        folder.faults.append(str(error))
        return
    for name, rules in broken.items():
        limit = portfolio.features.tables[name].quarantine_limit
        found = TableCheck(name, rows[name], bad[name], limit, dict(rules.most_common()))
        if found.rows_quarantined > limit * max(found.rows_in, 1) or not found.rows_in:
            folder.faults.append(_excess(folder, found))
        yield found


def _excess(folder: _Folder, found: TableCheck) -> str:
    where = folder.at("features.yaml", "tables", found.table, "quarantine_limit")
    if not found.rows_in:
        return f"{where}: the raw table has no rows; expected some"
    return (
        f"{where}: {found.rows_quarantined:,} of {found.rows_in:,} rows break the contract, more than "
        f"{found.limit:.1%}: {found.commonest}"
    )
