"""Records to test the log with."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from serving.log.record import SALT_BYTES, Record, make_id

START = datetime(2009, 5, 1, tzinfo=UTC)


def make_record(second: int = 0, **changes: Any) -> Record:
    """A decision made `second` seconds after START, about 1.9 KB as stored, with `changes`."""
    when = START + timedelta(seconds=second)
    name = make_id(when, os.urandom(10))
    record: dict[str, Any] = {
        "decision_id": name,
        "portfolio": "taiwan_cards",
        "kind": "decision",
        "model": "risk",
        "partner": "shop",
        "idempotency_key": name,
        "request_digest": hashlib.sha256(name.encode()).hexdigest(),
        "entity_id": str(1000 + second),
        "inputs": {"amount": 1000.5, "months": 12, "purpose": "travel"},
        "personal": {"phone": "0912 345 678"},
        "features": {f"feature_{place:02d}": 0.37 * (place + second) for place in range(30)} | {"job": None},
        "feature_times": {"behaviour": "2009-04-30T00:00:00Z", "contact": None},
        "context": {"paused": False, "lists": []},
        "release": "a" * 64,
        "outcome": "approve",
        "decided_at": when,
        "salt": os.urandom(SALT_BYTES),
        "probability": 0.031,
        "score": 71.25,
        "grade": "B",
        "rules": ({"id": "age", "fired": False},),
        "reasons": ({"code": "utilisation", "points": -3.25}, {"code": "delinquency", "points": -1.75}),
        "terms": {"base": 60.0, "utilisation": -3.25, "delinquency": -1.75, "other": 16.25},
        "offer": {"limit": 5000},
    }
    return Record(**(record | changes))
