"""The decisions of a canary, followed in the log as they are committed, by whichever worker of whichever machine."""

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from serving.log.database import Database, Row, Session
from serving.log.record import PLATFORM
from serving.log.schema import DECISIONS
from serving.movement import FAVOURABLE
from serving.policy import CanaryLimits
from serving.trial.guard import Judged, broken
from serving.trial.mark import MARK
from serving.trial.note import Stop, Trial

PAGE = 2_000
LOOK_BACK = 50_000
"""How many records before the end of the log are read again by a process that begins to watch."""
_COLUMNS = ("sequence", "outcome", "stale", "context", "decided_at")


@dataclass
class _Window:
    """The newest decisions of both arms of one canary, and the place in the log up to which they were read."""

    number: int
    place: int
    champion: deque[Judged]
    canary: deque[Judged]
    until: str = ""


@dataclass
class CanaryWatch:
    """Judges the canaries of all portfolios; belongs to one thread."""

    database: Database
    _windows: dict[str, _Window] = field(default_factory=dict)

    def judge(self, portfolio: str, trial: Trial, limits: CanaryLimits) -> Stop | None:
        """What the canary is to be stopped for, after all that is logged by now; None: it may go on."""
        window = self._windows.get(portfolio)
        if window is None or window.number != trial.number:
            window = self._windows[portfolio] = self._opened(trial.number, limits.window)
        while rows := self.database.read(lambda session: _page(session, portfolio, window.place)):
            for row in rows:
                _add(window, dict(zip(_COLUMNS, row, strict=True)))
        found = broken(limits, window.champion, window.canary)
        return None if found is None else Stop(trial.number, found.limit, found.why, window.until)

    def forget(self, portfolio: str) -> None:
        """Forget a canary that is over."""
        self._windows.pop(portfolio, None)

    def _opened(self, number: int, size: int) -> _Window:
        head = self.database.read(lambda session: session.rows("SELECT records FROM decision_head"))
        return _Window(number, max(0, int(head[0][0]) - LOOK_BACK), deque(maxlen=size), deque(maxlen=size))


def _page(session: Session, portfolio: str, place: int) -> list[Row]:
    sql = (
        f"SELECT {', '.join(_COLUMNS)} FROM decisions WHERE portfolio = ? AND sequence > ?"
        f" AND {DECISIONS} AND partner <> ? ORDER BY sequence LIMIT {PAGE}"
    )
    return session.rows(sql, [portfolio, place, PLATFORM])


def _add(window: _Window, stored: dict[str, Any]) -> None:
    window.place = stored["sequence"]
    mark = json.loads(stored["context"]).get(MARK) or {}
    if mark.get("trial") != window.number:
        return
    arm = window.canary if mark.get("arm") == "canary" else window.champion
    favourable, seconds = stored["outcome"] in FAVOURABLE, mark.get("seconds")
    arm.append(Judged(favourable, bool(stored["stale"]), bool(mark.get("failed")), seconds))
    window.until = stored["decided_at"]
