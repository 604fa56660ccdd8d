"""The export to the lake: each record once, the same bytes after a kill, and nothing of who was erased."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import orjson
import polars as pl
import pytest

from serving.log import export
from serving.log.decision_log import open_log
from serving.log.entry import encode
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.export import ExportError, export_log
from tests.serving.log.examples import START, make_record
from tests.serving.log.keyring import KEYS

DAY = 86_400


def rows(lake: Path) -> pl.DataFrame:
    """All that was exported, in the order of the chain."""
    return pl.read_parquet(lake / "*" / "decisions" / "day=*" / "*.parquet").sort("sequence")


def contents(lake: Path) -> dict[str, bytes]:
    return {str(file.relative_to(lake)): file.read_bytes() for file in sorted(lake.rglob("*.parquet"))}


def test_every_record_is_exported_once(log, tmp_path):
    records = [make_record(DAY * (place % 2) + place, entity_id=str(place % 3)) for place in range(10)]
    log.commit([encode(record) for record in records[:6]])
    assert export_log(log, tmp_path) == 6
    assert export_log(log, tmp_path) == 0
    log.commit([encode(record) for record in records[6:]])
    assert export_log(log, tmp_path) == 4
    found = rows(tmp_path)
    assert found["decision_id"].to_list() == [record.decision_id for record in records]
    assert len({file.parent.name for file in tmp_path.rglob("*.parquet")}) == 2
    assert found["person"].n_unique() == 3
    assert all(record.personal["phone"] not in found.write_json() for record in records)
    assert [orjson.loads(text) for text in found["features"]] == [record.features for record in records]


def test_an_erasure_reaches_what_was_exported_before(log, tmp_path):
    records = [make_record(place, entity_id=str(place % 2)) for place in range(4)]
    log.commit([encode(record) for record in records])
    export_log(log, tmp_path)
    log.erase(Erasure("taiwan_cards", "1", "anna", "asked", START + timedelta(1), os.urandom(RANDOM_BYTES)))
    assert export_log(log, tmp_path) == 1
    found = rows(tmp_path)
    assert found["person"].is_null().to_list() == [False, True, False, True]
    assert found["features"].is_null().to_list() == [False, True, False, True]


def test_the_export_of_another_log_is_not_mixed_in(log, tmp_path):
    log.append(make_record())
    export_log(log, tmp_path / "lake")
    other = open_log(f"sqlite:///{tmp_path / 'other.db'}", KEYS)
    other.append(make_record())
    with pytest.raises(ExportError, match="not of this log"):
        export_log(other, tmp_path / "lake")
    other.close()


RUN = """
import os, signal, sys
from pathlib import Path
from infra import files
from serving.log import export
from serving.log.decision_log import open_log
from tests.serving.log.keyring import KEYS

export.AT_ONCE = 40
steps, sync = [], files.sync

def counted(path):
    steps.append(path)
    if len(steps) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    sync(path)

files.sync = counted
export.export_log(open_log(sys.argv[1], KEYS), Path(sys.argv[2]))
"""


def killed_at(step: int, url: str, lake: Path) -> int:
    """The exit code of an export that is killed just before its `step`th write reaches the disk."""
    return subprocess.run([sys.executable, "-c", RUN, url, str(lake), str(step)], check=False).returncode


def test_killed_at_any_write_the_next_run_leaves_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "AT_ONCE", 40)
    url = f"sqlite:///{tmp_path / 'log.db'}"
    log = open_log(url, KEYS)
    log.commit([encode(make_record(DAY * (place % 2) + place)) for place in range(60)])
    export_log(log, tmp_path / "whole")
    expected = contents(tmp_path / "whole")
    assert len(expected) == 4
    for step in (1, 3, 4, 6, 8, 9, 12):
        lake = tmp_path / f"killed{step}"
        assert killed_at(step, url, lake) == -signal.SIGKILL
        export_log(log, lake)
        assert contents(lake) == expected
    log.close()
