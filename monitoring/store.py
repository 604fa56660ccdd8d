"""The metrics table, on SQLite and Postgres: a day that is run twice changes nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date

import polars as pl
from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Double,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError
from sqlalchemy.sql.dml import Insert

from monitoring.metric import KEY, RUN, SCHEMA, Metric, MetricError, Period, Role

_TYPES = {pl.String: String, pl.Date: Date, pl.Float64: Double, pl.Int64: BigInteger}

METRICS = Table(
    "lendloop_metrics",
    MetaData(),
    *(
        Column(name, _TYPES[dtype](), primary_key=name in KEY, nullable=False)  # type: ignore[index]
        for name, dtype in SCHEMA.items()
    ),
)


class MetricStoreError(MetricError):
    """The metrics table cannot be read or written; the message says where and why."""


class MetricStore:
    """The metrics table behind an SQLAlchemy URL; `sqlite://`, `postgresql://` and `postgresql+psycopg://`."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        with _explained(self._engine):
            METRICS.metadata.create_all(self._engine)

    def write(self, rows: Sequence[Metric]) -> int:
        """Keep the rows, in one transaction, as all there is of their runs: what an earlier run left of them goes."""
        runs = {tuple(getattr(row, name) for name in RUN) for row in rows}
        with _explained(self._engine), self._engine.begin() as connection:
            for run in sorted(runs, key=str):
                pairs = zip(RUN, run, strict=True)
                connection.execute(METRICS.delete().where(*(METRICS.c[name] == value for name, value in pairs)))
            if rows:
                connection.execute(_upsert(self._engine.dialect.name), [asdict(row) for row in rows])
        return len(rows)

    def read(
        self,
        portfolio: str,
        *,
        period: Period | None = None,
        role: Role | None = None,
        names: Sequence[str] | None = None,
        since: date | None = None,
        before: date | None = None,
    ) -> pl.DataFrame:
        """The rows of a portfolio in order of date and key; `since` is included, `before` is not."""
        query = select(METRICS).where(METRICS.c.portfolio == portfolio).order_by(METRICS.c.as_of, *METRICS.primary_key)
        given = {"period": period, "role": role}
        query = query.where(*(METRICS.c[name] == value for name, value in given.items() if value is not None))
        if names is not None:
            query = query.where(METRICS.c.name.in_(names))
        if since is not None:
            query = query.where(METRICS.c.as_of >= since)
        if before is not None:
            query = query.where(METRICS.c.as_of < before)
        with _explained(self._engine), self._engine.connect() as connection:
            return pl.DataFrame(connection.execute(query).fetchall(), schema=SCHEMA, orient="row")

    def history(self, portfolio: str, as_of: date, *, period: Period = "month") -> pl.DataFrame:
        """Every row from before `as_of`: what that date's run may look back on, whenever it is run."""
        return self.read(portfolio, period=period, before=as_of)

    def close(self) -> None:
        """Return the connections."""
        self._engine.dispose()

    def __enter__(self) -> "MetricStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Not shown: what cannot be parsed may hold a password.
        raise MetricStoreError(
            "metrics: LENDLOOP_METRICS is not a URL; expected sqlite:/// or postgresql://…"
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise MetricStoreError(f"{parsed.render_as_string()}: expected a sqlite:/// or postgresql:// URL")
    return create_engine(parsed)


def _upsert(dialect: str) -> Insert:
    insert = sqlite.insert(METRICS) if dialect == "sqlite" else postgresql.insert(METRICS)
    changed = {name: insert.excluded[name] for name in SCHEMA if name not in KEY}
    return insert.on_conflict_do_update(index_elements=list(KEY), set_=changed)


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    """Turns a database error into one that names the database, without its password."""
    try:
        yield
    except SQLAlchemyError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise MetricStoreError(f"metrics table in {where}: {error.__cause__ or error}; {_remedy(error)}") from error


def _remedy(error: SQLAlchemyError) -> str:
    if isinstance(error, DatabaseError) and any(word in str(error) for word in ("not a database", "malformed")):
        command = "`lendloop run monitor --portfolio NAME --as-of DATE`"
        return f"the file is damaged: move it away; {command} makes a month's rows again"
    return "check LENDLOOP_METRICS, that its server runs, or its file's rights and the free space"
