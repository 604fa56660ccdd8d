"""The servers the integration tests run on."""

import pytest

from tests.servers import PostgresServer, RedisServer

pytestmark = pytest.mark.integration


def test_redis_answers_and_keeps_what_it_was_told_over_a_restart(redis_server: RedisServer) -> None:
    from redis import Redis

    with Redis.from_url(redis_server.url) as client:
        client.set("k", "v")
    redis_server.stop()
    redis_server.start()
    with Redis.from_url(redis_server.url) as client:
        assert client.get("k") == b"v"


def test_postgres_answers_and_keeps_what_it_was_told_over_a_restart(postgres_server: PostgresServer) -> None:
    import psycopg

    with psycopg.connect(postgres_server.url) as connection:
        connection.execute("create table t as select 7 as x")
    postgres_server.stop()
    postgres_server.start()
    with psycopg.connect(postgres_server.url) as connection:
        assert connection.execute("select x from t").fetchone() == (7,)


def test_each_test_gets_a_database_of_its_own(postgres_url: str, postgres_database: str) -> None:
    import psycopg

    assert postgres_database != postgres_url
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)
