"""Backup and restore on both databases, and a kill -9 at any moment of either."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from serving.log.anchors import Anchors
from serving.log.backup import BackupError, back_up, restore
from serving.log.decision_log import open_log
from serving.log.entry import encode
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.keys import KeyRing
from serving.pauses import Pause, open_pauses
from tests.serving.log.examples import START, make_record
from tests.serving.log.keyring import KEYS
from tests.serving.log.test_vault import OTHER


@pytest.fixture
def records(log):
    found = [make_record(second, entity_id=str(second)) for second in range(30)]
    for place in range(0, 30, 10):
        log.commit([encode(record) for record in found[place : place + 10]])
    return found


def test_what_is_restored_is_what_was_backed_up(log, log_url, records, tmp_path):
    pauses = open_pauses(log_url, log.vault)
    pauses.set_pause(Pause("taiwan_cards", START.date(), "drift", "psi is 0.3", "monitoring", START))
    log.erase(Erasure("taiwan_cards", "3", "anna", "asked", START + timedelta(1), os.urandom(RANDOM_BYTES)))
    anchors = Anchors(tmp_path / "anchors", tmp_path / "anchor.key")
    anchors.append(log.head(), START)
    file = tmp_path / "copy.db"
    assert back_up(log_url, file, KEYS, anchors.read()).head == log.head()
    assert sorted(path.name for path in tmp_path.glob("*copy*")) == ["copy.db"]
    log.append(make_record(100))
    anchors.append(log.head(), START)
    place = f"sqlite:///{tmp_path / 'new.db'}"
    open_pauses(place).close()
    assert restore(file, place, KEYS, anchors.read()).valid
    new = open_log(place, KEYS)
    assert [new.find(record.decision_id) for record in records] == [log.find(record.decision_id) for record in records]
    assert new.find(records[3].decision_id).erased
    assert open_pauses(place).history("taiwan_cards") == pauses.history("taiwan_cards")
    assert new.append(make_record(200)).ours
    with pytest.raises(BackupError, match="found rows in decisions"):
        restore(file, place, KEYS, [])
    for opened in (new, pauses):
        opened.close()


@pytest.mark.integration
def test_an_embedded_log_moves_to_postgres(postgres_database, tmp_path):
    url = f"sqlite:///{tmp_path / 'log.db'}"
    log = open_log(url, KEYS)
    record = make_record()
    log.append(record)
    back_up(url, tmp_path / "copy.db", KEYS, [])
    restore(tmp_path / "copy.db", postgres_database, KEYS, [])
    moved = open_log(postgres_database, KEYS)
    assert moved.find(record.decision_id) == record
    assert moved.append(make_record(1)).ours
    assert moved.verify().valid
    for opened in (log, moved):
        opened.close()


def test_a_backup_that_was_changed_or_cannot_be_opened_is_refused(log, log_url, records, tmp_path):
    file = tmp_path / "copy.db"
    back_up(log_url, file, KEYS, [])
    place = f"sqlite:///{tmp_path / 'new.db'}"
    with pytest.raises(BackupError, match="no such file"):
        restore(tmp_path / "none.db", place, KEYS, [])
    with pytest.raises(Exception, match="expected that one among them"):
        restore(file, place, KeyRing([OTHER]), [])
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"purpose":"travel"', b'"purpose":"trevel"', 1))
    with pytest.raises(BackupError, match="not as it was backed up"):
        restore(file, place, KEYS, [])
    assert not (tmp_path / "new.db").exists()


def test_a_log_that_does_not_verify_is_not_backed_up(log, log_url, records, tmp_path):
    log._database.write(lambda session: session.run("UPDATE decisions SET outcome = 'decline' WHERE sequence = 3"))
    with pytest.raises(BackupError, match="does not verify"):
        back_up(log_url, tmp_path / "copy.db", KEYS, [])
    assert not list(tmp_path.glob("*copy*"))


RUN = """
import sys
from pathlib import Path
from serving.log.backup import back_up, restore
from tests.serving.log.keyring import KEYS
print("go", flush=True)
work, url, file = sys.argv[1:]
back_up(url, Path(file), KEYS, []) if work == "backup" else restore(Path(file), url, KEYS, [])
"""


def killed(work: str, url: str, file: str, after: float) -> int:
    """The exit code of a process that was killed `after` seconds into its work, or had ended before."""
    words = [sys.executable, "-c", RUN, work, url, file]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            return process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait()


def test_killed_in_a_backup_or_a_restore_nothing_is_half_there(log, log_url, tmp_path):
    log.commit([encode(make_record(second)) for second in range(3000)])
    file, place = tmp_path / "copy.db", tmp_path / "new.db"
    began = time.monotonic()
    back_up(log_url, file, KEYS, [])
    whole = time.monotonic() - began
    good = file.read_bytes()
    file.unlink()
    for part in (0.2, 0.5, 0.8):
        killed("backup", log_url, str(file), whole * part)
        assert not file.exists() or file.read_bytes() == good
    back_up(log_url, file, KEYS, [])
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.db"]
    for part in (0.3, 0.6, 0.9):
        killed("restore", f"sqlite:///{place}", str(file), whole * part)
        held = open_log(f"sqlite:///{place}", KEYS)
        records = held.head().records
        assert records in (0, 3000)
        assert held.verify().valid
        held.close()
    if records == 0:
        assert restore(file, f"sqlite:///{place}", KEYS, []).head == log.head()
