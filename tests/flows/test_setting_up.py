"""What `make setup` has made for all homes."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from flows import prefect_database, setting_up
from infra.kept import kept


def rows(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as opened:
        names = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: opened.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


@pytest.mark.parametrize("framework", ["prefect", "mlflow"])
def test_its_databases_are_migrated_and_empty(framework: str) -> None:
    """Nothing in them is of one home: no key, no session, no place of artifacts."""
    assert kept(framework).exists(), "`make setup` makes it"
    found = rows(kept(framework))
    assert found.pop("alembic_version") == 1
    assert found.pop("workspaces", 1) == 1  # MLflow's `default`
    assert len(found) > 20
    assert not any(found.values())


def test_what_is_there_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for make in ("migrate", "create"):
        monkeypatch.setattr(setting_up, make, pytest.fail)
    setting_up.main()


def test_what_cannot_be_kept_is_told_and_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(setting_up, "kept", lambda name: tmp_path / name)
    for make in ("migrate", "create"):
        monkeypatch.setattr(setting_up, make, fail)
    setting_up.main()
    assert "each home will migrate its own: [Errno 30]" in capsys.readouterr().err


def test_it_migrates_no_database_that_the_shell_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgraded(command: list[str], env: dict[str, str], **_: object) -> None:
        given.update(env)

    given: dict[str, str] = {}
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://theirs/prefect")
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://theirs/prefect")
    monkeypatch.setattr(prefect_database.subprocess, "run", upgraded)
    prefect_database.migrate(tmp_path / "made.db")
    assert "theirs" not in str(given)
    assert given["PREFECT_API_DATABASE_CONNECTION_URL"] == f"sqlite+aiosqlite:///{given['PREFECT_HOME']}/prefect.db"


def test_a_prefect_that_cannot_migrate_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefect_database.sys, "executable", "/bin/false")
    with pytest.raises(subprocess.CalledProcessError):
        prefect_database.migrate(tmp_path / "made.db")
    assert list(tmp_path.iterdir()) == []
