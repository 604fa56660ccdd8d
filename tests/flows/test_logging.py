"""The log's commands as a person runs them, and a replay that finds every difference."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.logs import decision
from flows.logging_keeping import LogCommandError
from flows.logging_replay import PARTS, differences
from flows.workspace import open_settings_log
from infra.settings import Settings
from serving.answers import decide_again
from serving.desk import Desk
from serving.log.anchoring import Anchoring
from serving.log.anchors import Anchors
from serving.log.database import LogUnavailable
from serving.log.keys import master_name, read_keys, write_keys
from serving.log.record import Record
from serving.pauses import Pause, open_pauses
from serving.release import load_release
from tests.flows.logs import home_with_records, run
from tests.serving.api.worker import DECISIONS, Worker
from tests.serving.log.examples import START, make_record
from tests.serving.small_releases import PORTFOLIO


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home with a log of five records."""
    return home_with_records(tmp_path, monkeypatch)


def test_a_log_is_anchored_verified_rotated_and_a_person_erased(home):
    assert "anchored: 5 records" in run("anchor")[1]
    assert "already anchored" in run("anchor")[1]
    assert run("rekey")[0] == 0
    assert len(read_keys(home / "decision_log.key")) == 2
    words = ("-p", "taiwan_cards", "--entity", "1001", "--by", "anna", "--reason", "asked")
    assert "1 records erased" in run("erase", *words)[1]
    assert "nothing to erase" in run("erase", *words)[1]
    code, said = run("verify")
    assert code == 0
    assert "6 records in 6 links" in said
    assert "1 anchors hold" in said


def test_a_rotation_that_was_killed_goes_on_with_the_same_key(home, monkeypatch):
    monkeypatch.setattr("serving.log.decision_log.rekey", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("rekey")
    monkeypatch.undo()
    monkeypatch.setenv("LENDLOOP_HOME", str(home))
    before = read_keys(home / "decision_log.key")
    assert run("rekey")[0] == 0
    assert read_keys(home / "decision_log.key") == before
    assert run("verify")[0] == 0


def test_an_auditor_without_keys_still_checks_the_chain(home):
    (home / "decision_log.key").unlink()
    code, said = run("verify")
    assert code == 0
    assert "what is sealed was not opened" in said
    assert not (home / "decision_log.key").exists()


def test_a_changed_record_fails_the_command(home):
    opened = open_settings_log(Settings())
    opened._database.write(lambda session: session.run("UPDATE decisions SET outcome = 'decline' WHERE sequence = 3"))
    opened.close()
    code, said = run("verify")
    assert code == 1
    assert "batch 3, record 3" in said


def test_a_book_that_was_changed_by_hand_fails_the_command(home):
    opened = open_settings_log(Settings())
    with closing(open_pauses(Settings().decision_log_url, opened.vault)) as pauses:
        pauses.set_pause(Pause("taiwan_cards", START.date(), "[psi]", "drift", "monitoring", START))
    code, said = run("verify")
    assert code == 0
    assert "1 rows of the books beside it were compared and follow from 1 acts" in said
    opened._database.write(lambda session: session.run("UPDATE approval_pauses SET lifted_at = since"))
    opened.close()
    code, said = run("verify")
    assert code == 1
    assert "approval_pauses taiwan_cards 2009-05-01 [psi]: lifted_at is 2009-05-01T00:00:00.000000Z" in said


def test_a_reason_that_names_the_person_is_refused(home):
    with pytest.raises(LogCommandError, match="names the person"):
        run("erase", "-p", "taiwan_cards", "--entity", "1001", "--by", "anna", "--reason", "1001 asked")


def test_a_log_is_backed_up_and_restored_in_an_empty_home(home, tmp_path_factory, monkeypatch):
    run("anchor")
    file = home / "copies.db"
    assert "5 records are in" in run("backup", str(file))[1]
    with pytest.raises(LogUnavailable, match="found rows in decisions"):
        run("restore", str(file))
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("decision_log.key", "anchor.key"):
        (elsewhere / name).write_bytes((home / name).read_bytes())
    (elsewhere / "anchors").symlink_to(home / "anchors")
    opened = open_settings_log(Settings())
    opened.append(make_record(9))
    opened.close()
    run("anchor")
    monkeypatch.setenv("LENDLOOP_HOME", str(elsewhere))
    code, said = run("restore", str(file))
    assert code == 0
    assert "5 records are restored and verified 1 records made after this backup" in said


def test_an_old_master_key_goes_when_no_data_key_needs_it(home):
    (only,) = (word for word in run("drop-key")[1].split() if len(word) == 16)
    with pytest.raises(LogCommandError, match="the current master key"):
        run("drop-key", only)
    run("rekey")
    assert f"{only} is gone" in run("drop-key", only)[1]
    assert len(read_keys(home / "decision_log.key")) == 1
    assert run("verify")[0] == 0
    with pytest.raises(LogCommandError, match="found no master key"):
        run("drop-key", only)


def test_a_key_that_still_wraps_is_not_dropped(home):
    (only,) = read_keys(home / "decision_log.key")
    write_keys(home / "decision_log.key", [bytes(32), only])
    with pytest.raises(LogCommandError, match="wraps 2 data keys"):
        run("drop-key", master_name(only))


def test_the_log_is_exported_to_the_lake_once(home):
    assert "5 records are new" in run("export")[1]
    assert "0 records are new" in run("export")[1]


def test_an_erasure_that_a_reader_holds_up_is_done_and_says_so(home, monkeypatch):
    monkeypatch.setattr("serving.log.sqlite.PATIENCE", 0.2)
    reader = sqlite3.connect(home / "decision_log.db")
    opened = open_settings_log(Settings())
    opened.append(make_record(7))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM decisions").fetchone()
    code, said = run("erase", "-p", "taiwan_cards", "--entity", "1001", "--by", "anna", "--reason", "asked")
    assert code == 0
    assert "1 records erased" in said
    assert "clean-up waits" in said
    reader.close()
    open_settings_log(Settings()).close()
    assert (home / "decision_log.db-wal").stat().st_size == 0
    opened.close()


def test_anchors_follow_links_or_time_whichever_comes_first(home):
    opened = open_settings_log(Settings())
    anchors = Anchors(home / "anchors", home / "anchor.key")
    for links, seconds, first in ((3, 1e9, True), (10**6, 0.02, False)):
        anchoring = Anchoring(opened, anchors, lambda: START, look=0.01, links=links, seconds=seconds)
        anchoring.start()
        before = opened.head().number
        for second in range(3 if first else 1):
            opened.append(make_record(100 + before + second))
        _wait(lambda: anchors.read() and anchors.read()[-1].number > before)  # noqa: B023
        anchoring.stop()
        assert anchors.read()[-1].number == opened.head().number
    opened.close()


def _wait(done: Callable[[], object]) -> None:
    """Until `done`, ten seconds at most."""
    for _ in range(1000):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("not done in ten seconds")


def test_a_service_anchors_when_it_stops(home):
    opened = open_settings_log(Settings())
    anchors = Anchors(home / "anchors", home / "anchor.key")
    anchoring = Anchoring(opened, anchors, lambda: START, look=0.01)
    anchoring.start()
    anchoring.stop()
    assert [anchor.records for anchor in anchors.read()] == [5]
    opened.close()


@pytest.fixture
def decided(tmp_path) -> tuple[Desk, Record]:
    worker = Worker(tmp_path)

    async def ask() -> str:
        async with worker.client() as client:
            return str((await client.post(DECISIONS, json={"entity_id": 1, "amount": 50_000})).json()["decision_id"])

    record = worker.log.find(asyncio.run(ask()))
    assert record is not None
    return Desk(load_release(worker.releases / record.release), worker.reader), record


def test_a_decision_made_again_is_the_same_in_every_part(decided):
    desk, record = decided
    assert record.portfolio == PORTFOLIO
    assert record.offer["confirmations"]  # there is something to compare
    assert differences(record, decide_again(desk, record)) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_replay_names_every_part_that_differs(decided, part):
    desk, record = decided
    changed = {
        "limit": {"offer": {**record.offer, "limit": -1}},
        "counter_offer": {"offer": {**record.offer, "amount": 1.0}},
        "counter_change": {"offer": {**record.offer, "change": {"field": "fees", "to": 0.0}}},
        "confirmations": {"offer": {**record.offer, "confirmations": 9}},
        "open_rules": {"context": {**record.context, "open_rules": ["AGE"]}},
        "problems": {"context": {**record.context, "problems": {"late": ["all"]}}},
        "terms": {"terms": {"x": 1.0}},
    }
    (found,) = differences(replace(record, **changed.get(part, {part: ()})), decide_again(desk, record))
    assert found.startswith(f"{part}: ")


def test_the_replay_command_is_there():
    assert "Make logged decisions again" in CliRunner().invoke(decision, ["--help"]).output
