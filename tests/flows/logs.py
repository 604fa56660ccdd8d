"""A home with a small log, and the log's commands as a person types them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.logs import log
from flows.workspace import open_settings_log
from infra.settings import Settings
from tests.serving.log.examples import make_record


def home_with_records(folder: Path, monkeypatch: pytest.MonkeyPatch, records: int = 5) -> Path:
    """Have `folder` as the home, with so many records in its log."""
    monkeypatch.setenv("LENDLOOP_HOME", str(folder))
    opened = open_settings_log(Settings())
    for second in range(records):
        opened.append(make_record(second))
    opened.close()
    return folder


def run(*words: str) -> tuple[int, str]:
    """Exit code and output of `lendloop log` with these words; a fault of ours is raised."""
    found = CliRunner().invoke(log, list(words))
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, " ".join(found.output.split())
