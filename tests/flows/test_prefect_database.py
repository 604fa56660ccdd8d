"""The migrated database that a new home begins with."""

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from flows import prefect_database
from flows.prefect_database import begin_with_migrated, database, make, migrated
from infra.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def tables(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as opened:
        names = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: opened.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def test_it_is_migrated_and_empty() -> None:
    """Nothing in it is of one server: no key, no session, no block."""
    assert migrated().exists(), "`make setup` makes it"
    found = tables(migrated())
    assert found.pop("alembic_version") == 1
    assert len(found) > 30
    assert not any(found.values())


def test_a_new_home_begins_with_a_copy(settings: Settings) -> None:
    begin_with_migrated(settings)
    assert database(settings).read_bytes() == migrated().read_bytes()
    assert [path.name for path in database(settings).parent.iterdir()] == ["prefect.db"]


def test_what_is_there_stays(settings: Settings) -> None:
    database(settings).parent.mkdir(parents=True)
    database(settings).write_bytes(b"mine")
    begin_with_migrated(settings)
    assert database(settings).read_bytes() == b"mine"


def test_of_two_commands_the_first_ones_database_stays(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def quicker(file: Path, folder: str) -> str:
        database(settings).write_bytes(b"theirs")
        return str(copy(file, folder))

    copy = shutil.copy
    monkeypatch.setattr(prefect_database.shutil, "copy", quicker)
    begin_with_migrated(settings)
    assert database(settings).read_bytes() == b"theirs"


def test_without_one_the_server_is_left_to_migrate_its_own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(settings.home))
    begin_with_migrated(settings)
    assert not database(settings).exists()


def test_a_version_that_cannot_migrate_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(prefect_database.subprocess.CalledProcessError):
        make(tmp_path / "made.db")
    assert list(tmp_path.iterdir()) == []
