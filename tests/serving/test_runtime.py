from collections.abc import Callable
from pathlib import Path

import pytest

from serving import runtime as runtime_module
from serving.pointers import PointerError, read_pointer, read_workers, write_pointer
from serving.runtime import Runtime

A, B = "a" * 64, "b" * 64


def loader(broken: set[str]) -> Callable[[str, Path], str]:
    def load(portfolio: str, folder: Path) -> str:
        if folder.name in broken:
            raise ValueError("its digests are wrong")
        return f"{portfolio}:{folder.name[:1]}"

    return load


def test_a_pointer_is_one_line_that_names_a_release(tmp_path: Path) -> None:
    assert read_pointer(tmp_path, "cards") is None
    write_pointer(tmp_path, "cards", A)
    assert read_pointer(tmp_path, "cards") == A
    assert [path.name for path in (tmp_path / "cards").iterdir()] == ["current"]
    (tmp_path / "cards" / "current").write_text("../../etc\n")
    with pytest.raises(PointerError, match="expected the SHA-256"):
        read_pointer(tmp_path, "cards")


def test_it_swaps_when_the_pointer_moves_and_reports_what_it_serves(tmp_path: Path) -> None:
    write_pointer(tmp_path, "cards", A)
    runtime = Runtime(tmp_path, loader(set()), poll=0.01)
    runtime.start()
    try:
        assert _loaded(runtime) == "cards:a"
        write_pointer(tmp_path, "cards", B)
        _until(lambda: _loaded(runtime) == "cards:b")
        _until(lambda: list(read_workers(tmp_path).values()) == [{"cards": B}])
        write_pointer(tmp_path, "campaign", A)
        _until(lambda: [served.portfolio for served in runtime.all()] == ["campaign", "cards"])
    finally:
        runtime.stop()


def test_the_last_good_release_stays_when_the_next_one_cannot_be_loaded(tmp_path: Path) -> None:
    broken = {B}
    write_pointer(tmp_path, "cards", A)
    runtime = Runtime(tmp_path, loader(broken))
    runtime.refresh()
    write_pointer(tmp_path, "cards", B)
    runtime.refresh()
    served = runtime.get("cards")
    assert served is not None
    assert (served.sha, served.wanted, served.current, served.loaded) == (A, B, False, "cards:a")
    assert served.fault == "ValueError: its digests are wrong"


def test_a_failed_load_is_tried_again_later_and_not_at_every_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, looks = {A}, []
    load = loader(broken)
    write_pointer(tmp_path, "cards", A)
    runtime = Runtime(tmp_path, lambda portfolio, folder: looks.append(1) or load(portfolio, folder))
    runtime.refresh()
    runtime.refresh()
    assert len(looks) == 1
    broken.clear()
    monkeypatch.setattr(runtime_module, "RETRY_SECONDS", 0.0)
    runtime.refresh()
    assert _loaded(runtime) == "cards:a"


def test_rolling_back_to_what_is_loaded_clears_the_fault(tmp_path: Path) -> None:
    write_pointer(tmp_path, "cards", A)
    runtime = Runtime(tmp_path, loader({B}))
    runtime.refresh()
    write_pointer(tmp_path, "cards", B)
    runtime.refresh()
    write_pointer(tmp_path, "cards", A)
    runtime.refresh()
    served = runtime.get("cards")
    assert served is not None
    assert served.current


def test_a_damaged_pointer_leaves_the_release_and_says_so(tmp_path: Path) -> None:
    write_pointer(tmp_path, "cards", A)
    runtime = Runtime(tmp_path, loader(set()))
    runtime.refresh()
    (tmp_path / "cards" / "current").write_text("")
    runtime.refresh()
    served = runtime.get("cards")
    assert served is not None
    assert served.loaded == "cards:a"
    assert "expected the SHA-256" in (served.fault or "")


def test_notes_of_dead_workers_are_removed(tmp_path: Path) -> None:
    dead = tmp_path / ".workers" / "4194300-1"
    dead.parent.mkdir()
    dead.write_text("{}")
    assert read_workers(tmp_path) == {}
    assert not dead.exists()


def _loaded(runtime: Runtime[str]) -> str | None:
    served = runtime.get("cards")
    return served.loaded if served else None


def _until(true: Callable[[], bool]) -> None:
    import time

    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
