"""What quotas have granted so far: read from the end of the decision log, a moment late, and beside it what this
process has granted itself since, so that only what others grant is late."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from serving.log.database import Database, LogUnavailable, Session
from serving.log.database import Row as Stored
from serving.log.record import PLATFORM, Record, time_text
from serving.log.vault import SealBroken, Vault
from serving.money import money
from serving.policy import Quota

LOOK_SECONDS = 0.4  # how often the log is asked for new approvals
STALE_SECONDS = 0.9  # what is older is not known: a person decides
PAGE = 5_000
LOST_SECONDS = 60.0  # how long an own approval counts of which the log never told
DOUBT_SECONDS = 0.8  # the same, once its commit failed: what was committed all the same, a look finds by then
_SEALED = ("decision_id", "portfolio", "decided_at", "subject", "features")
_COLUMNS = ("sequence", *_SEALED, "kind", "inputs", "offer")


Where = tuple[date, str | None]
"""The day of an approval, and what for."""


@dataclass
class _Sums:
    """Approvals by day and purpose: how many, and how much money."""

    approvals: dict[Where, float] = field(default_factory=lambda: defaultdict(float))
    amount: dict[Where, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, at: Where, amount: float) -> None:
        """Count one more."""
        self.approvals[at] += 1
        self.amount[at] += amount

    def count(self, quota: Quota, day: date) -> float:
        """How much of it the quota counts in its period around `day`."""
        return sum(
            value
            for (at, purpose), value in (self.approvals if quota.of == "approvals" else self.amount).items()
            if (at == day if quota.each == "day" else (at.year, at.month) == (day.year, day.month))
            and quota.purpose in (None, purpose)
        )


@dataclass
class _Granted(_Sums):
    """What the log tells of one portfolio, from a first day on."""

    first: date = date.min
    sequence: int = -1
    looked: float = float("-inf")


@dataclass
class _Own:
    """What this process approved of one portfolio and has not yet found in the log, by decision."""

    approved: dict[str, tuple[Where, float, float]] = field(default_factory=dict)
    sums: _Sums = field(default_factory=_Sums)

    def add(self, name: str, at: Where, amount: float) -> None:
        """Count one more."""
        self.approved[name] = (at, amount, time.monotonic() + LOST_SECONDS)
        self.sums.add(at, amount)

    def without(self, names: Iterable[str]) -> "_Own":
        """The same without some decisions, and without those that the log should have told of long ago."""
        gone, now = set(names), time.monotonic()
        found = _Own({name: one for name, one in self.approved.items() if name not in gone and one[2] > now})
        for at, amount, _ in found.approved.values():
            found.sums.add(at, amount)
        return found


class QuotaCounts:
    """How much of each quota is used; `used` blocks for a query twice a second, and may be called from any thread."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault
        self._granted: dict[str, _Granted] = {}
        self._own: dict[str, _Own] = {}
        self.left: dict[tuple[str, str], float] = {}
        """The share of each quota that was left when it was last looked at, by portfolio and quota."""
        self._locks: dict[str, threading.Lock] = {}  # by portfolio: a long read of one holds up no other
        self._reading: dict[str, float] = {}  # since when the log is read for a portfolio, whose lock is held
        self._own_lock = threading.Lock()  # never held while the log is read: an event loop takes it

    def ready(self, portfolio: str, quotas: Sequence[Quota], day: date) -> dict[str, float] | None:
        """What `used` would return, without waiting; None: the log has to be read, or somebody is reading it."""
        lock = self._lock(portfolio)
        if not lock.acquire(blocking=False):
            return None
        try:
            return None if self._due(portfolio, day) else self._used(portfolio, quotas, day)
        finally:
            lock.release()

    def used(self, portfolio: str, quotas: Sequence[Quota], day: date) -> dict[str, float]:
        """What each quota has granted in its period around `day`; empty where the log cannot be read."""
        lock = self._lock(portfolio)
        if not lock.acquire(timeout=self._patience(portfolio)):
            return {}
        try:
            if self._due(portfolio, day):
                self._reading[portfolio] = time.monotonic()
                self._look(portfolio, day.replace(day=1))
            return self._used(portfolio, quotas, day)
        finally:
            self._reading.pop(portfolio, None)
            lock.release()

    def took(self, records: Iterable[Record]) -> None:
        """Count what was approved, from before it is in the log until a look has found it there."""
        with self._own_lock:
            for record in records:
                if record.outcome == "approve" and record.partner != PLATFORM:
                    asked: dict[str, Any] = dict(record.personal or {})
                    at = record.decided_at.astimezone(UTC).date(), asked.get("purpose")
                    self._own.setdefault(record.portfolio, _Own()).add(
                        record.decision_id, at, _amount(asked, record.offer)
                    )

    def took_not(self, portfolio: str, names: Iterable[str]) -> None:
        """Count decisions no more, as they are in the log by now or will never be."""
        with self._own_lock:
            if (own := self._own.get(portfolio)) is not None:
                self._own[portfolio] = own.without(names)

    def doubt(self, portfolio: str, names: Iterable[str]) -> None:
        """Count decisions whose commit failed for a moment longer: they may be in the log all the same."""
        with self._own_lock:
            if (own := self._own.get(portfolio)) is not None:
                for name in own.approved.keys() & set(names):
                    own.approved[name] = (*own.approved[name][:2], time.monotonic() + DOUBT_SECONDS)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _lock(self, portfolio: str) -> threading.Lock:
        return self._locks.get(portfolio) or self._locks.setdefault(portfolio, threading.Lock())

    def _patience(self, portfolio: str) -> float:
        """Seconds to wait for who holds the lock.

        Who gave up waiting left a thread that reads, for whoever comes once it is done. What it finds is too old after
        a while, and they come in turn: each of them would wait for it in vain.
        """
        began = self._reading.get(portfolio)
        return STALE_SECONDS if began is None else max(0.0, began + STALE_SECONDS - time.monotonic())

    def _due(self, portfolio: str, day: date) -> bool:
        known = self._granted.get(portfolio)
        return known is None or known.first > day.replace(day=1) or time.monotonic() - known.looked > LOOK_SECONDS

    def _used(self, portfolio: str, quotas: Sequence[Quota], day: date) -> dict[str, float]:
        known = self._granted.get(portfolio)
        if known is None or time.monotonic() - known.looked > STALE_SECONDS:
            return {}
        with self._own_lock:
            own = self._own.get(portfolio, _Own()).sums
            used = {quota.id: money(known.count(quota, day) + own.count(quota, day)) for quota in quotas}
        self.left |= {(portfolio, one.id): max(0.0, 1 - used[one.id] / one.at_most) for one in quotas}
        return used

    def _look(self, portfolio: str, first: date) -> None:
        known = self._granted.get(portfolio)
        if known is None or known.first > first:
            known = _Granted(first=first)
        began, seen = time.monotonic(), list[str]()
        try:
            while rows := self._database.read(lambda session: _page(session, portfolio, known)):
                for row in rows:
                    self._add(known, dict(zip(_COLUMNS, row, strict=True)))
                    seen.append(str(row[_COLUMNS.index("decision_id")]))
        except (LogUnavailable, SealBroken):
            if self._granted.get(portfolio) is not known:
                return  # nothing is kept of it
        else:
            known.looked = began
            self._granted[portfolio] = known
        self.took_not(portfolio, seen)

    def _add(self, known: _Granted, stored: dict[str, object]) -> None:
        asked = self._asked(stored)
        if asked is not None:
            at = date.fromisoformat(str(stored["decided_at"])[:10]), asked.get("purpose")
            known.add(at, _amount(asked, json.loads(str(stored["offer"]))))
        known.sequence = int(str(stored["sequence"]))  # last: a row that could not be read is looked at again

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


def _amount(asked: Mapping[str, Any], offer: Mapping[str, Any]) -> float:
    """How much money was approved: the amount asked for, or where none was the limit granted."""
    amount = asked.get("amount")
    return float(offer.get("limit", 0.0) if amount is None else amount)
