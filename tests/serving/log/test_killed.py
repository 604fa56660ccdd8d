"""A process killed in a rotation or an erasure leaves a whole log, and the next run finishes it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serving.log.decision_log import open_log
from serving.log.entry import encode
from serving.log.keys import KeyRing
from tests.serving.log.examples import make_record
from tests.serving.log.keyring import MASTER
from tests.serving.log.test_vault import OTHER

BOTH = KeyRing([OTHER, MASTER])
RUN = """
import os, signal, sys
from datetime import timedelta
from serving.log import rotation, sqlite
from serving.log.decision_log import open_log
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.keys import KeyRing
from tests.serving.log.examples import START
from tests.serving.log.test_vault import OTHER
from tests.serving.log.keyring import MASTER

work, url, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
rotation.PAGE, count = 2, 0
log = open_log(url, KeyRing([OTHER, MASTER]))
run = sqlite._SqliteSession.run

def counted(self, sql, values=()):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
    run(self, sql, values)

sqlite._SqliteSession.run = counted
if work == "rekey":
    log.rekey(KeyRing([OTHER, MASTER]))
else:
    log.erase(Erasure("taiwan_cards", "7", "anna", "asked", START + timedelta(1), os.urandom(RANDOM_BYTES)))
"""


def run(work: str, url: str, step: int) -> int:
    """The exit code of a process that is killed before its `step`th change."""
    return subprocess.run([sys.executable, "-c", RUN, work, url, str(step)], check=False).returncode


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A log of six days, of one person, under the old master key."""
    place = f"sqlite:///{tmp_path / 'log.db'}"
    log = open_log(place, KeyRing([MASTER]))
    log.commit([encode(make_record(86_400 * day, entity_id="7")) for day in range(6)])
    log.close()
    return place


@pytest.mark.parametrize("step", [1, 3, 6])
def test_killed_in_a_rotation(url, step):
    assert run("rekey", url, step) == -signal.SIGKILL
    log = open_log(url, BOTH)
    assert log.verify().valid
    assert log.pending(BOTH) > 0
    log.rekey(BOTH)
    assert (log.pending(BOTH), log.wrapped_by(KeyRing([MASTER]).current)) == (0, 0)
    log.close()
    fresh = open_log(url, KeyRing([OTHER]))
    assert len(fresh.read_person("taiwan_cards", "7")) == 6
    fresh.close()


@pytest.mark.parametrize("step", [1, 2])
def test_killed_in_an_erasure(url, step):
    assert run("erase", url, step) == -signal.SIGKILL
    log = open_log(url, BOTH)
    assert log.verify().valid
    assert len(log.read_person("taiwan_cards", "7")) == 6
    assert run("erase", url, 0) == 0
    assert log.read_person("taiwan_cards", "7") == []
    assert log.verify().valid
    log.close()
