import os
import signal
import subprocess
import sys
from pathlib import Path

from serving.drafts import draft
from tests.serving.small_releases import build_small

FILLER = """
import sys, time
from pathlib import Path
from serving.drafts import draft
with draft(Path(sys.argv[1]), "draft") as folder:
    (folder / "half").write_text("writ")
    print("filling", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_build_left_goes_at_the_next_and_a_living_one_keeps_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "filling\n"
        (living,) = tmp_path.glob(".draft-*")
        sha = build_small(tmp_path)
        assert (living / "half").read_text() == "writ"
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    build_small(tmp_path, slope=1.1)
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / sha / "manifest.json").exists()


def test_a_draft_that_was_renamed_stays_and_one_that_was_not_goes(tmp_path: Path) -> None:
    with draft(tmp_path, "incoming") as folder:
        folder.rename(tmp_path / "whole")
    with draft(tmp_path, "incoming"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
