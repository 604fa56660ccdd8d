"""`lendloop log verify` of a log whose end is gone: anchors tell, and where they are gone too, that there are none."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.logging_keeping import LogCommandError, open_anchors
from flows.workspace import open_settings_log
from infra.settings import Settings
from serving.log.chain import Head
from tests.flows.logs import home_with_records, run
from tests.serving.log.examples import make_record


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home with a log of five records."""
    return home_with_records(tmp_path, monkeypatch)


def _cut_off(keep: int) -> None:
    """Remove what comes after the first batches, as one who knows the tables does."""
    with closing(sqlite3.connect(Settings().decision_log_url.removeprefix("sqlite:///"))) as database, database:
        database.execute("DELETE FROM decisions WHERE sequence > ?", [keep])
        database.execute("DELETE FROM decision_batches WHERE number > ?", [keep])
        (last,) = database.execute("SELECT hash FROM decision_batches WHERE number = ?", [keep]).fetchone()
        database.execute("UPDATE decision_head SET number = ?, records = ?, hash = ?", [keep, keep, last])


def test_a_log_that_lost_its_end_and_all_anchors_fails_the_command(home):
    kept = run("anchor")[1].partition("head ")[2].partition(";")[0]
    assert f"the newest of {datetime.now(UTC):%Y-%m-%d}" in run("verify")[1]
    assert run("verify", "--last-anchor", kept)[0] == 0
    _cut_off(3)
    assert "the end of the chain was cut off" in run("verify")[1]
    shutil.rmtree(home / "anchors")
    with closing(open_settings_log(Settings())) as opened:
        left = opened.head().hash
    assert run("verify", "--last-anchor", left)[0] == 0  # who knows where it ended needs no other
    code, said = run("verify")
    assert code == 1
    assert "no anchor is in" in said
    assert "lendloop log anchor" in said
    run("anchor")  # who says that there never was one
    assert run("verify")[0] == 0
    code, said = run("verify", "--last-anchor", kept)
    assert (code, f"no link has the hash {kept}" in said) == (1, True)
    with pytest.raises(LogCommandError, match="64 hexadecimal digits"):
        run("verify", "--last-anchor", "5")


@pytest.mark.parametrize(("links", "apart", "code"), [(3, 20, 0), (3, 40, 1), (1001, 0, 1)])
def test_a_log_too_long_to_have_no_anchor_fails_without_the_key_that_signs(home, links, apart, code):
    opened = open_settings_log(Settings())
    for number in range(links):
        opened.append(make_record(number * apart, decision_id=f"later-{number}"))
    opened.close()
    assert run("verify")[0] == code
    run("anchor")
    assert run("verify")[0] == 0


def test_a_log_of_nothing_is_not_signed_and_makes_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    assert open_anchors(Settings()).append(Head(), datetime.now(UTC)) is None
    assert not (tmp_path / "anchor.key").exists()
