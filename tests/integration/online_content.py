"""Online stores on real servers, and all that Feast has written to them."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from feast import RepoConfig
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from redis import Redis
from sqlalchemy.engine import make_url


class Online(Protocol):
    """A server with an online store in it."""

    @property
    def settings(self) -> dict[str, Any]:
        """How Feast is told of it."""

    def content(self) -> Any:
        """All that Feast has written."""

    def empty(self) -> None:
        """Remove it."""


def conformance_config(folder: Path, online: Online, engine: str, **options: Any) -> RepoConfig:
    """A store of its own in `folder` for each engine, so that two can be compared."""
    return RepoConfig(
        project="conformance",
        registry=str(folder / f"registry-{engine.rpartition('.')[2]}.db"),
        provider="local",
        offline_store={"type": "duckdb"},
        online_store=online.settings,
        batch_engine={"type": engine, **options},
        entity_key_serialization_version=3,
    )


def in_order(stored: bytes) -> bytes:
    """The bytes of a value, the keys of its maps in order: protobuf has them in another order in each process."""
    value = Value()
    try:
        value.ParseFromString(stored)
    except DecodeError:  # a time
        return stored
    kind = value.WhichOneof("val") or ""
    ordered: bytes = value.SerializeToString(deterministic=True)
    return ordered if "map" in kind or "struct" in kind else stored


def _in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(in_order(cell) if isinstance(cell, bytes) else cell for cell in row) for row in rows]


@dataclass(frozen=True)
class InRedis:
    url: str
    client: Redis

    @property
    def settings(self) -> dict[str, Any]:
        return {"type": "redis", "connection_string": self.url.removeprefix("redis://").partition("/")[0]}

    def content(self) -> Any:
        stored = {key: self.client.hgetall(key) for key in sorted(self.client.keys())}
        return {key: {name: in_order(value) for name, value in hash_.items()} for key, hash_ in stored.items()}

    def empty(self) -> None:
        self.client.flushdb()


@dataclass(frozen=True)
class InPostgres:
    url: str

    @property
    def settings(self) -> dict[str, Any]:
        url = make_url(self.url)
        place = {"host": url.host or url.query["host"], "port": url.port or 5432, "database": url.database}
        return {
            "type": "features.store.postgres.ReconnectingPostgresOnlineStore",
            "sslmode": "disable",
            **place,
            "user": url.username or "postgres",
            "password": url.password or "",
        }

    def content(self) -> Any:
        with psycopg.connect(self.url) as connection:
            return _in_order(connection.execute("SELECT * FROM conformance_stats ORDER BY 1, 2").fetchall())

    def empty(self) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute("TRUNCATE conformance_stats")


@dataclass(frozen=True)
class InSqlite:
    path: Path

    @property
    def settings(self) -> dict[str, Any]:
        return {"type": "sqlite", "path": str(self.path)}

    def content(self) -> Any:
        with closing(sqlite3.connect(self.path)) as connection:
            return _in_order(connection.execute("SELECT * FROM conformance_stats ORDER BY 1, 2").fetchall())

    def empty(self) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("DELETE FROM conformance_stats")
