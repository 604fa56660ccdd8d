"""Databases that cannot be used say so clearly; tables are made once, whoever comes first."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from serving.log.database import LogUnavailable, open_database
from serving.log.decision_log import open_log
from serving.log.entry import encode
from serving.log.postgres import SETTINGS
from tests.serving.log.examples import make_record
from tests.serving.log.keyring import KEYS


@pytest.mark.parametrize("url", ["mysql://host/db", "log.db", "sqlite://", "sqlite:///", "", "postgresql"])
def test_an_url_of_nothing_we_know(url):
    with pytest.raises(LogUnavailable, match=r"expected sqlite:///path/to/file\.db or postgresql://"):
        open_log(url, KEYS)


def test_a_path_that_is_a_folder(tmp_path):
    with pytest.raises(LogUnavailable, match="it is a folder, expected a database file"):
        open_log(f"sqlite:///{tmp_path}", KEYS)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "log.db").write_text("customer,amount\n" * 1000)
    with pytest.raises(LogUnavailable, match=r"file is not a database.*lendloop log restore"):
        open_log(f"sqlite:///{tmp_path / 'log.db'}", KEYS)


def test_missing_folders_are_made(tmp_path):
    open_log(f"sqlite:///{tmp_path / 'a' / 'b' / 'log.db'}", KEYS).close()
    assert (tmp_path / "a" / "b" / "log.db").exists()


def test_a_full_disk_fails_the_append_and_leaves_the_log_whole(tmp_path):
    log = open_log(f"sqlite:///{tmp_path / 'log.db'}", KEYS)
    kept = make_record()
    log.append(kept)
    pages = log._database._writer.execute("PRAGMA page_count").fetchone()[0]
    log._database._writer.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(LogUnavailable, match="database or disk is full"):
        log.commit([encode(make_record(second)) for second in range(100)])
    log._database._writer.execute("PRAGMA max_page_count=1000000")
    assert log.append(make_record()).ours
    assert log.find(kept.decision_id) == kept
    assert log.verify().valid
    log.close()


def test_a_log_that_may_only_be_read(tmp_path):
    log = open_log(f"sqlite:///{tmp_path / 'log.db'}", KEYS)
    log._database._writer.execute("PRAGMA query_only=1")
    with pytest.raises(LogUnavailable, match="readonly database"):
        log.append(make_record())
    assert log.verify().valid
    log.close()


def test_a_writer_that_never_ends_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.log.sqlite.PATIENCE", 0.05)
    log = open_log(f"sqlite:///{tmp_path / 'log.db'}", KEYS)
    blocker = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match="locked"):
        log.append(make_record())
    assert log.head().records == 0
    blocker.close()
    assert log.append(make_record()).ours
    log.close()


def test_a_closed_log_says_so(log):
    log.close()
    with pytest.raises(LogUnavailable):
        log.append(make_record())


def test_sqlite_syncs_every_commit(tmp_path):
    log = open_log(f"sqlite:///{tmp_path / 'log.db'}", KEYS)
    writer = log._database._writer
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)
    log.close()


def test_an_error_inside_a_transaction_undoes_it(log_url):
    open_log(log_url, KEYS).close()
    database = open_database(log_url)

    def work(session: object) -> None:
        session.run("UPDATE decision_head SET number = 7")
        raise KeyError("of the caller")

    with pytest.raises(KeyError, match="of the caller"):
        database.write(work)
    assert database.read(lambda session: session.rows("SELECT number FROM decision_head")) == [(0,)]
    database.close()


def test_many_may_open_a_new_log_together(log_url):
    openers = 6
    start = Barrier(openers)

    def open_and_append(second: int) -> bool:
        start.wait()
        log = open_log(log_url, KEYS)
        ours = log.append(make_record(second)).ours
        log.close()
        return ours

    with ThreadPoolExecutor(openers) as pool:
        assert all(pool.map(open_and_append, range(openers)))
    log = open_log(log_url, KEYS)
    assert log.verify().head.records == openers
    log.close()


@pytest.mark.integration
def test_a_worker_that_stands_still_with_the_head_locked(postgres_database, monkeypatch):
    monkeypatch.setattr(
        "serving.log.postgres.SETTINGS", SETTINGS.replace("lock_timeout = '5s'", "lock_timeout = '100ms'")
    )
    log = open_log(postgres_database, KEYS)
    with psycopg.connect(postgres_database) as frozen:
        frozen.execute("SELECT number FROM decision_head FOR UPDATE")
        with pytest.raises(LogUnavailable, match="lock timeout"):
            log.append(make_record())
        assert log.head().records == 0
    assert log.append(make_record()).ours
    log.close()


@pytest.mark.integration
def test_a_postgres_that_may_only_be_read(postgres_database):
    open_log(postgres_database, KEYS).close()
    with psycopg.connect(postgres_database, autocommit=True) as owner:
        name = f'"{owner.info.dbname}"'.encode()
        owner.execute(b"ALTER DATABASE " + name + b" SET default_transaction_read_only = on")
    log = open_log(postgres_database, KEYS)
    with pytest.raises(LogUnavailable, match="read-only transaction"):
        log.append(make_record())
    assert log.verify().valid
    log.close()


def test_a_postgres_that_is_not_there():
    with pytest.raises(LogUnavailable, match="check that it runs") as raised:
        open_log("postgresql://me:secret@127.0.0.1:1/nothing", KEYS)
    assert "secret" not in str(raised.value)


def test_a_postgres_url_that_is_none():
    with pytest.raises(LogUnavailable, match="not a Postgres URL"):
        open_log("postgresql://host/db?colour=red", KEYS)
