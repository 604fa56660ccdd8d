"""What quotas have granted so far, read from the end of the decision log: exact, a moment late, nothing of its own."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from serving.log.database import Database, LogUnavailable, Session
from serving.log.database import Row as Stored
from serving.log.record import PLATFORM, time_text
from serving.log.vault import Vault
from serving.policy import Quota

LOOK_SECONDS = 0.4  # how often the log is asked for new approvals
STALE_SECONDS = 0.9  # what is older is not known: a person decides
PAGE = 5_000
_SEALED = ("decision_id", "portfolio", "decided_at", "subject", "features")
_COLUMNS = ("sequence", *_SEALED, "kind", "inputs", "offer")


@dataclass
class _Granted:
    """Approvals of one portfolio from a first day on, by day and purpose: how many, and how much money."""

    first: date
    sequence: int = -1
    looked: float = float("-inf")
    approvals: dict[tuple[date, str | None], float] = field(default_factory=lambda: defaultdict(float))
    amount: dict[tuple[date, str | None], float] = field(default_factory=lambda: defaultdict(float))


class QuotaCounts:
    """How much of each quota is used; `used` blocks for a query twice a second, and may be called from any thread."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault
        self._granted: dict[str, _Granted] = {}
        self.left: dict[tuple[str, str], float] = {}
        """The share of each quota that was left when it was last looked at, by portfolio and quota."""
        self._lock = threading.Lock()

    def due(self, portfolio: str, day: date) -> bool:
        """Whether `used` would have to read."""
        known = self._granted.get(portfolio)
        return known is None or known.first > day.replace(day=1) or time.monotonic() - known.looked > LOOK_SECONDS

    def used(self, portfolio: str, quotas: Sequence[Quota], day: date) -> dict[str, float]:
        """What each quota has granted in its period around `day`; empty where the log cannot be read."""
        with self._lock:
            if self.due(portfolio, day):
                self._look(portfolio, day.replace(day=1))
            known = self._granted.get(portfolio)
            if known is None or time.monotonic() - known.looked > STALE_SECONDS:
                return {}
            used = {quota.id: _count(known, quota, day) for quota in quotas}
        self.left |= {(portfolio, one.id): max(0.0, 1 - used[one.id] / one.at_most) for one in quotas}
        return used

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _look(self, portfolio: str, first: date) -> None:
        known = self._granted.get(portfolio)
        if known is None or known.first > first:
            known = _Granted(first)
        began = time.monotonic()
        try:
            while rows := self._database.read(lambda session: _page(session, portfolio, known)):
                for row in rows:
                    self._add(known, dict(zip(_COLUMNS, row, strict=True)))
        except LogUnavailable:
            return
        known.looked = began
        self._granted[portfolio] = known

    def _add(self, known: _Granted, stored: dict[str, object]) -> None:
        known.sequence = int(str(stored["sequence"]))
        asked = self._asked(stored)
        if asked is None:
            return
        amount = asked.get("amount")
        at = date.fromisoformat(str(stored["decided_at"])[:10]), asked.get("purpose")
        known.approvals[at] += 1
        granted = json.loads(str(stored["offer"])).get("limit", 0.0) if amount is None else amount
        known.amount[at] += float(granted)

    def _asked(self, stored: dict[str, object]) -> dict[str, Any] | None:
        """What was asked for; of an approval by people no more than they granted.

        None: it is counted already, as the machine had approved what the applicant then refused to have it decide.
        """
        if stored["kind"] != "review":
            return self._opened(stored)
        sql = f"SELECT {', '.join(_SEALED)}, kind, outcome FROM decisions WHERE decision_id = ?"
        name = json.loads(str(stored["inputs"]))["decision"]
        rows = self._database.read(lambda session: session.rows(sql, [name]))
        if rows and rows[0][-1] == "approve":
            return None
        asked = self._opened(dict(zip(_SEALED, rows[0], strict=False))) if rows else {}
        granted = json.loads(str(stored["offer"])).get("limit")
        if asked.get("amount") is not None and granted is not None:
            asked["amount"] = min(float(asked["amount"]), float(granted))
        return asked

    def _opened(self, stored: dict[str, object]) -> dict[str, Any]:
        opened = self._vault.open(stored)
        return dict(json.loads(opened.subject).get("personal", {})) if opened else {}


def _page(session: Session, portfolio: str, known: _Granted) -> list[Stored]:
    start = time_text(datetime(known.first.year, known.first.month, known.first.day, tzinfo=UTC))
    sql = (
        f"SELECT {', '.join(_COLUMNS)} FROM decisions WHERE portfolio = ? AND decided_at >= ? AND sequence > ?"
        f" AND outcome = 'approve' AND (partner <> ? OR kind = 'review') ORDER BY sequence LIMIT {PAGE}"
    )
    return session.rows(sql, [portfolio, start, known.sequence, PLATFORM])


def _count(known: _Granted, quota: Quota, day: date) -> float:
    granted = known.approvals if quota.of == "approvals" else known.amount
    return sum(
        value
        for (at, purpose), value in granted.items()
        if (at == day if quota.each == "day" else (at.year, at.month) == (day.year, day.month))
        and quota.purpose in (None, purpose)
    )
