"""From the URLs of a registry and an online store to Feast's configuration, without a repository of YAML files."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from feast import RepoConfig
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

OFFLINE_STORE = "features.store.offline.PointInTimeOfflineStore"
WRITE_TIMEOUT = 10.0
READ_TIMEOUT = 0.05
CACHE_SECONDS = 60


class StoreUrlError(ValueError):
    """The URL of a registry or an online store cannot be used; the message says what was expected."""


def configure(
    project: str,
    registry: str,
    online: str,
    *,
    timeout: float = WRITE_TIMEOUT,
    offline: Mapping[str, Any] = MappingProxyType({}),
) -> RepoConfig:
    """Feast's configuration of one portfolio.

    `timeout` (seconds) is how long a Redis command may take; `offline`, more settings of the offline store.
    """
    return RepoConfig(
        project=project,
        registry={
            "registry_type": "sql",
            "path": _registry_url(registry),
            "cache_ttl_seconds": CACHE_SECONDS,
            "serve_features_while_materializing": True,
        },
        # By its name alone Feast imports it when it is asked for: whoever reads online does without DuckDB and ibis.
        offline_store={"type": OFFLINE_STORE, **offline} if offline else OFFLINE_STORE,
        online_store=_online_store(online, timeout),
        entity_key_serialization_version=3,
    )


def _registry_url(text: str) -> str:
    url = _parsed(text, "feature registry", "sqlite:///… or postgresql://…")
    if url.drivername == "sqlite":
        _make_parent(url)
    elif url.drivername.startswith("postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    else:
        raise StoreUrlError(f"feature registry: found {url.drivername}://, expected sqlite:///… or postgresql://…")
    return url.render_as_string(hide_password=False)


def _online_store(text: str, timeout: float) -> dict[str, Any]:
    expected = "sqlite:///…, redis://… or postgresql://…"
    url = _parsed(text, "online store", expected)
    if url.drivername == "sqlite":
        _make_parent(url)
        return {"type": "features.store.sqlite.RowSqliteOnlineStore", "path": url.database}
    if url.drivername in ("redis", "rediss"):
        return _redis(url, timeout)
    if url.drivername.startswith("postgresql"):
        return _postgres(url)
    raise StoreUrlError(f"online store: found {url.drivername}://, expected {expected}")


def _redis(url: URL, timeout: float) -> dict[str, Any]:
    settings: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "db": url.database or "0"}
    if url.drivername == "rediss":
        settings["ssl"] = True
    if url.username:
        settings["username"] = url.username
    if url.password:
        settings["password"] = str(url.password)
    if "," in f"{url.username}{url.password}":
        raise StoreUrlError("online store: Feast splits a Redis address at commas: choose a password without one")
    # With redis-py's own retries a read stalls for 7-10 s while Redis is down; null leaves the retrying to the caller.
    settings["retry"] = None
    pairs = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    # Which row is newest is decided from the lake. Feast's check would drop a correction: it has the same event.
    address = f"{url.host or 'localhost'}:{url.port or 6379}"
    return {"type": "redis", "connection_string": ",".join([address, *pairs]), "skip_dedup": True}


def _postgres(url: URL) -> dict[str, Any]:
    host = url.host or _query(url, "host") or "localhost"
    return {
        "type": "features.store.postgres.ReconnectingPostgresOnlineStore",
        "host": host,
        "port": url.port or 5432,
        "database": url.database or "postgres",
        "user": url.username or "postgres",
        "password": str(url.password or ""),
        "sslmode": _query(url, "sslmode") or "prefer",
    }


def _query(url: URL, name: str) -> str | None:
    value = url.query.get(name)
    return value if isinstance(value, str) else None


def _parsed(text: str, what: str, expected: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        raise StoreUrlError(f"{what}: {text!r} is not a URL; expected {expected}") from None


def _make_parent(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        raise StoreUrlError(f"{url}: names no file; expected sqlite:///path/to/file.db")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
