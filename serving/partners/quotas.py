"""How much of its quota a partner has used: the workers of a machine count together, in leases, so that it is cheap.

A worker leases a small part of what is left of a window and gives requests out of it; no more is ever given than the
quota. What a worker holds and does not use is at most `PART` of the quota for each worker.
"""

import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from serving.partners.partner import Partner

PART = 50
LARGEST_LEASE = 100
BUSY_MILLISECONDS = 50  # a lease takes a tenth of one
_TABLE = "CREATE TABLE IF NOT EXISTS used (partner TEXT PRIMARY KEY, part INTEGER NOT NULL, requests INTEGER NOT NULL)"
_SAVE = (
    "INSERT INTO used VALUES (?, ?, ?)"
    " ON CONFLICT (partner) DO UPDATE SET part = excluded.part, requests = excluded.requests"
)
_log = logging.getLogger("lendloop.quotas")


@dataclass(slots=True)
class _Lease:
    window: int
    left: int = 0
    spent: bool = False


class Quotas:
    """The counts of one machine, in an SQLite file that may be lost; belongs to one thread."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(file, isolation_level=None)
        # Counts that a power cut takes back harm nobody: nothing here waits for the disk.
        for line in ("synchronous = OFF", "journal_mode = PERSIST"):
            self._database.execute(f"PRAGMA {line}").close()
        self._database.execute(_TABLE).close()
        self._database.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}").close()
        self._leases: dict[str, _Lease] = {}

    def take(self, partner: Partner, at: float, requests: int = 1) -> int | None:
        """Count requests at `at` (seconds since 1970); None: within the quota, else the seconds until there is more.

        When the counts cannot be read or written, requests are let through: a quota is no right of access.
        """
        length = partner.quota.seconds
        window = int(at) // length
        lease = self._leases.get(partner.name)
        if lease is None or lease.window != window:
            lease = self._leases[partner.name] = _Lease(window)
        short = requests - lease.left
        if short > 0 and not lease.spent:
            try:
                granted = self._lease(partner, window, short)
            except sqlite3.Error as error:
                _log.warning("quotas not counted", extra={"error": type(error).__name__})
                granted = max(short, LARGEST_LEASE)
            lease.left += granted
            lease.spent = granted < short
        if lease.left < requests:
            return (window + 1) * length - int(at)
        lease.left -= requests
        return None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _lease(self, partner: Partner, window: int, short: int) -> int:
        limit = partner.quota.requests
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        try:
            row = run("SELECT part, requests FROM used WHERE partner = ?", [partner.name]).fetchone()
            used = row[1] if row and row[0] == window else 0
            granted: int = min(max(short, min(limit // PART, LARGEST_LEASE)), limit - used)
            run(_SAVE, [partner.name, window, used + granted])
            run("COMMIT")
        finally:
            if self._database.in_transaction:
                run("ROLLBACK")
        return granted


def open_quotas(file: Path) -> Quotas:
    """The counts in `file`; one that cannot be read is begun anew."""
    try:
        return Quotas(file)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, or no such folder: the file is not to blame
            raise
        file.unlink()
        return Quotas(file)
