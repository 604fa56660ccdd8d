"""URLs to Feast's configuration."""

from pathlib import Path

import pytest

from features.store.configuration import StoreUrlError, configure


def test_sqlite_makes_the_folder_of_its_files(tmp_path: Path) -> None:
    config = configure("shop", f"sqlite:///{tmp_path}/a/registry.db", f"sqlite:///{tmp_path}/b/online.db")
    assert config.online_store.path == f"{tmp_path}/b/online.db"
    assert (tmp_path / "a").is_dir()
    assert (tmp_path / "b").is_dir()
    assert config.registry.serve_features_while_materializing


def test_redis_answers_or_fails_at_once(tmp_path: Path) -> None:
    from feast.infra.online_stores.redis import RedisOnlineStore

    url = "rediss://joe:12345@cache:7000/3"
    config = configure("shop", f"sqlite:///{tmp_path}/registry.db", url, timeout=0.05)
    nodes, settings = RedisOnlineStore._parse_connection_string(config.online_store.connection_string)
    assert nodes == [{"host": "cache", "port": "7000"}]
    assert settings == {
        "db": "3",
        "ssl": True,
        "username": "joe",
        "password": "12345",
        "retry": None,
        "socket_timeout": 0.05,
        "socket_connect_timeout": 0.05,
    }
    assert config.online_store.skip_dedup


def test_postgres_takes_its_options_from_the_query(tmp_path: Path) -> None:
    url = "postgresql://joe:secret@/shop?host=/run/pg&sslmode=disable"
    config = configure("shop", "postgresql://joe:secret@db/registry", url)
    assert config.registry.path == "postgresql+psycopg://joe:secret@db/registry"
    store = config.online_store
    assert (store.host, store.database, store.sslmode, store.user) == ("/run/pg", "shop", "disable", "joe")


@pytest.mark.parametrize(
    ("registry", "online", "said"),
    [
        ("mysql://a/b", "sqlite:///{tmp}/o.db", "expected sqlite:///… or postgresql://…"),
        ("sqlite:///{tmp}/r.db", "mongodb://a/b", "expected sqlite:///…, redis://… or postgresql://…"),
        ("sqlite:///{tmp}/r.db", "here", "'here' is not a URL"),
        ("sqlite://", "sqlite:///{tmp}/o.db", "names no file"),
        ("sqlite:///{tmp}/r.db", "redis://:a,b@cache", "without one"),
    ],
)
def test_a_url_that_cannot_be_used_says_what_was_expected(
    tmp_path: Path, registry: str, online: str, said: str
) -> None:
    with pytest.raises(StoreUrlError, match=said):
        configure("shop", registry.replace("{tmp}", str(tmp_path)), online.replace("{tmp}", str(tmp_path)))
