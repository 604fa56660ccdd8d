"""The keys of batches: which batch a partner's key was first used for, kept for good beside the decision log.

A batch that is sent again is answered from the log, item by item, so nothing of it is kept but what tells it from
another one: a keyed hash, as it is made of what was asked about people.
"""

import hmac
import json
from datetime import datetime
from typing import Any

from serving.log.database import Database, Session, open_tables
from serving.log.record import time_text

_CREATE = (
    "CREATE TABLE IF NOT EXISTS batch_keys (partner TEXT NOT NULL, idempotency_key TEXT NOT NULL, digest TEXT NOT NULL,"
    " used_at TEXT NOT NULL, PRIMARY KEY (partner, idempotency_key))"
)
_CLAIM = "INSERT INTO batch_keys (partner, idempotency_key, digest, used_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_OWNER = "SELECT digest FROM batch_keys WHERE partner = ? AND idempotency_key = ?"


class BatchKeys:
    """Batches by partner and key; every method blocks and may be called from any thread or process."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database, self._secret = database, secret

    def claim(self, partner: str, key: str, request: Any, at: datetime) -> bool:
        """Whether the key is this request's, a JSON value, from now on or since it was first used."""
        text = json.dumps(request, sort_keys=True).encode()
        digest = hmac.digest(self._secret, b"batch" + text, "sha256").hex()

        def work(session: Session) -> bool:
            session.run(_CLAIM, [partner, key, digest, time_text(at)])
            return bool(session.rows(_OWNER, [partner, key])[0][0] == digest)

        return self._database.write(work)

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def open_batch_keys(url: str, secret: bytes) -> BatchKeys:
    """The keys at the decision log's URL, their table made when missing; or `LogUnavailable`."""
    return BatchKeys(open_tables(url, "batch_keys", [_CREATE]), secret)
