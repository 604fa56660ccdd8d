import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest

from infra.processes import is_running, start_time, stop_process, with_parent
from serving import supervisor
from serving.following import ReleaseInRegistryDamaged, follow, follow_once
from serving.launch import Launch, Note, ServiceError, note_path, read_note
from serving.pointers import read_fault, read_pointer, report_worker, write_pointer
from serving.post import Post, listen
from serving.release import ReleaseCorrupt, ReleaseError, verify_release
from serving.starting import WORKER, Beginning
from serving.supervisor import serve
from serving.workers import Crew
from tests.serving.small_releases import build_small

A, B = "a" * 64, "b" * 64


class FolderChampions:
    """A registry in a folder: `<folder>/<sha>/` are releases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.current: dict[str, str] = {}
        self.fetched: list[str] = []
        self.fault: Exception | None = None

    def champion_sha(self, portfolio: str) -> str | None:
        if self.fault:
            raise self.fault
        return self.current.get(portfolio)

    def fetch(self, portfolio: str, sha: str, to: Path) -> None:
        self.fetched.append(sha)
        shutil.copytree(self.folder / sha, to, dirs_exist_ok=True)


def is_whole(portfolio: str, folder: Path) -> None:
    if (folder / "manifest.json").read_text() != folder.name:
        raise ReleaseCorrupt("digests are wrong")


@pytest.fixture
def champions(tmp_path: Path) -> FolderChampions:
    registry = FolderChampions(tmp_path / "registry")
    for sha in (A, B):
        (registry.folder / sha).mkdir(parents=True)
        (registry.folder / sha / "manifest.json").write_text(sha)
    registry.current["cards"] = A
    return registry


def launch(home: Path, port: int = 8080) -> Launch:
    return Launch(
        home=home,
        bento=home,
        portfolios=("cards",),
        mlflow_uri="sqlite:///x",
        mlflow_artifacts=home,
        feature_registry="sqlite:///x",
        online_store="redis://:pa55@h",
        decision_log="sqlite:///x",
        log_key="h1dden",
        partner_secret="h1dden",
        port=port,
    )


def verified(portfolio: str, folder: Path) -> None:
    verify_release(folder)


def test_a_damaged_copy_in_the_registry_is_told_as_such(tmp_path: Path) -> None:
    registry = FolderChampions(tmp_path / "registry")
    sha = registry.current["cards"] = build_small(registry.folder)
    (registry.folder / sha / "policy.json").write_bytes(b"{}")
    with pytest.raises(ReleaseError, match=f"release {sha[:12]} of cards is damaged in the registry: its copy/policy"):
        follow_once(tmp_path / "releases", "cards", registry, verified)
    assert not any((tmp_path / "releases").iterdir())


def test_it_fetches_the_champion_once_and_points_to_it(tmp_path: Path, champions: FolderChampions) -> None:
    releases = tmp_path / "releases"
    first = follow_once(releases, "cards", champions, is_whole)
    again = follow_once(releases, "cards", champions, is_whole)
    assert (first.sha, first.changed, again.changed) == (A, True, False)
    champions.current["cards"] = B
    follow_once(releases, "cards", champions, is_whole)
    champions.current["cards"] = A
    back = follow_once(releases, "cards", champions, is_whole)
    assert (back.sha, read_pointer(releases, "cards")) == (A, A)
    assert champions.fetched == [A, B]
    assert not list(releases.glob(".incoming-*"))


def test_without_a_champion_nothing_changes(tmp_path: Path, champions: FolderChampions) -> None:
    write_pointer(tmp_path, "other", B)
    assert follow_once(tmp_path, "other", champions, is_whole).sha == B


def test_a_release_that_fails_its_check_is_not_kept_and_the_last_good_one_stays(
    tmp_path: Path, champions: FolderChampions
) -> None:
    releases = tmp_path / "releases"
    follow_once(releases, "cards", champions, is_whole)
    (champions.folder / B / "manifest.json").write_text("tampered")
    champions.current["cards"] = B
    with pytest.raises(ReleaseError):
        follow_once(releases, "cards", champions, is_whole)
    assert read_pointer(releases, "cards") == A
    assert sorted(path.name for path in releases.iterdir()) == [A, "cards"]


def test_a_folder_damaged_on_disk_is_fetched_anew(tmp_path: Path, champions: FolderChampions) -> None:
    releases = tmp_path / "releases"
    (releases / A).mkdir(parents=True)
    (releases / A / "manifest.json").write_text("half writ")
    follow_once(releases, "cards", champions, is_whole)
    assert (releases / A / "manifest.json").read_text() == A


def test_a_champion_that_a_worker_could_not_load_is_fetched_anew_where_its_folder_is_damaged(tmp_path: Path) -> None:
    registry, releases = FolderChampions(tmp_path / "registry"), tmp_path / "releases"
    sha = registry.current["cards"] = build_small(registry.folder)
    checked: list[Path] = []

    def check(portfolio: str, folder: Path) -> None:
        checked.append(folder)
        verify_release(folder)

    follow_once(releases, "cards", registry, check)
    whole = (releases / sha / "policy.json").read_bytes()
    report_worker(releases, {})
    assert not follow_once(releases, "cards", registry, check).changed
    assert len(checked) == 1  # whole files are not loaded anew, whatever else a worker fails by

    (releases / sha / "policy.json").write_bytes(b"{}")
    report_worker(releases, {"cards": sha})
    follow_once(releases, "cards", registry, check)
    assert len(checked) == 1  # it is in memory
    report_worker(releases, {})
    assert not follow_once(releases, "cards", registry, check).changed
    assert ((releases / sha / "policy.json").read_bytes(), registry.fetched) == (whole, [sha, sha])


def test_a_champion_whose_folder_is_gone_is_fetched_anew(tmp_path: Path, champions: FolderChampions) -> None:
    releases = tmp_path / "releases"
    follow_once(releases, "cards", champions, is_whole)
    shutil.rmtree(releases / A)
    follow_once(releases, "cards", champions, is_whole)
    assert (releases / A / "manifest.json").read_text() == A


def test_a_release_that_is_damaged_in_the_registry_is_named_and_not_its_copy(
    tmp_path: Path, champions: FolderChampions
) -> None:
    def check(_portfolio: str, folder: Path) -> None:
        raise ReleaseCorrupt(f"{folder / 'policy.json'}: digest 1, expected 2")

    with pytest.raises(ReleaseInRegistryDamaged, match=f"release {A[:12]} of cards.*its copy/policy.json.*rollback"):
        follow_once(tmp_path / "releases", "cards", champions, check)
    assert [path.name for path in (tmp_path / "releases").iterdir()] == []


def test_a_fault_of_the_registry_is_noted_and_cleared(tmp_path: Path, champions: FolderChampions) -> None:
    home = launch(tmp_path)
    champions.fault = OSError("registry is down")
    assert follow(home, champions, is_whole, "cards") is None
    assert read_fault(home.releases, "cards") == "OSError: registry is down"
    champions.fault = None
    assert follow(home, champions, is_whole, "cards") is not None
    assert read_fault(home.releases, "cards") is None


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"cannot listen on 127.0.0.1:{port}.*LENDLOOP_PORT"):
            listen(launch(tmp_path, port))


def test_a_second_service_on_the_same_home_is_refused(tmp_path: Path) -> None:
    import fcntl

    home = launch(tmp_path)
    home.folder.mkdir()
    with (home.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ServiceError, match="a service runs on"):
            serve(home)


def test_it_runs_as_many_workers_as_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(_: object) -> None:
        time.sleep(60)

    monkeypatch.setattr(supervisor, "answer_requests", wait)
    monkeypatch.setattr(supervisor, "keep_shadowing", wait)
    monkeypatch.setattr(Beginning, "ready", lambda _: True)
    with socket.socket() as listener, (tmp_path / "lock").open("w") as lock:
        # Of its own: what is forked closes the lock.
        post = Post(listener, os.dup(lock.fileno()))
        crew = Crew(post.leave)
        begin = Beginning(launch(tmp_path).model_copy(update={"workers": 3}), crew, Event(), None, time.monotonic() + 5)
        try:
            assert supervisor._answers(begin, post)
            assert len(crew.pids(WORKER)) == 3
        finally:
            crew.stop()
            os.close(post.lock)


def test_a_launch_shows_no_secret(tmp_path: Path) -> None:
    shown = repr(launch(tmp_path))
    assert "pa55" not in shown
    assert "h1dden" not in shown
    assert launch(tmp_path).environment()["LENDLOOP_LOG_KEY"] == "h1dden"


def test_the_note_of_a_process_that_is_gone_counts_as_none(tmp_path: Path) -> None:
    pid = os.getpid()
    note = Note(pid=pid, started=start_time(pid) or 0, url="http://x", bento=tmp_path, workers=2, settings="x")
    note_path(tmp_path).write_text(note.model_dump_json())
    assert read_note(tmp_path) == note
    # The same pid with another start time is another process, and must never be stopped in its place.
    note_path(tmp_path).write_text(json.dumps(json.loads(note.model_dump_json()) | {"started": 1}))
    assert read_note(tmp_path) is None
    assert stop_process(pid, 1) is False


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    child = with_parent([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"])
    program = (
        "import subprocess, sys, time, os\n"
        f"command = {child!r}; command[3] = str(os.getpid())\n"
        "process = subprocess.Popen(command, process_group=0); print(process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        lines = {parent.stdout.readline().strip() for _ in range(2)}
        pid = int((lines - {"up"}).pop())
        started = start_time(pid)
        assert started is not None
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while is_running(pid, started):
        assert time.monotonic() < deadline
        time.sleep(0.02)
