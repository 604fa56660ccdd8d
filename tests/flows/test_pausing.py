from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.pausing import BadPause, lift_pauses, pause_by_hand
from flows.workspace import open_workspace

NAME = "taiwan_cards"


def test_a_person_stops_new_business_and_another_lets_it_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    pause_by_hand(NAME, "ann", "the law changes", "2026-03-02T10:00:00Z", "2026-03-09T10:00:00Z")
    pauses = open_workspace(NAME).pauses

    def holds(day: int) -> bool:
        return pauses.active_pause(NAME, datetime(2026, 3, day, 12, tzinfo=UTC)) is not None

    assert [holds(1), holds(2), holds(9)] == [False, True, False]
    lift_pauses(NAME, "bob", "it does not", "2026-03-04T00:00:00Z")
    assert [holds(3), holds(5)] == [True, False]
    (pause,) = pauses.history(NAME)
    assert (pause.paused_by, pause.reason, pause.lifted_by) == ("ann", "the law changes", "bob")


def test_a_pause_that_ends_before_it_begins_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    with pytest.raises(BadPause, match="expected a time after 2026-03-02"):
        pause_by_hand(NAME, "ann", "", "2026-03-02T10:00:00Z", "2026-03-01T10:00:00Z")
    assert open_workspace(NAME).pauses.history(NAME) == []
