"""A record as it is stored: the columns of its row, its commitments and its hash in the chain.

Personal data stands in two sealed columns, `subject` (entity, personal inputs, request digest) and `features`, which
the vault encrypts. The hash holds only HMAC-SHA-256 of each under its own salt: the text can be encrypted anew, and
text and salt be erased, without touching the chain; without the salt no one can try values against what is left.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from serving.log.canonical import CanonicalError, canonical, parse
from serving.log.chain import leaf_hash
from serving.log.database import Row
from serving.log.keyed import keyed_digest
from serving.log.record import KINDS, SALT_BYTES, Record, time_text

TEXTS = ("decision_id", "portfolio", "kind", "model", "partner", "idempotency_key", "release", "outcome")
DOCUMENTS = ("inputs", "feature_times", "context", "rules", "reasons", "terms", "offer")
SEALED = ("subject", "features")
OPEN = (
    *TEXTS,
    "decided_at",
    "grade",
    "probability",
    "score",
    "stale",
    "version",
    *DOCUMENTS,
    *(f"{name}_commitment" for name in SEALED),
    "leaf",
)
VAULT = (*SEALED, "person")
COLUMNS = (*OPEN, *VAULT)
LONGEST = 255


class RecordError(ValueError):
    """A record cannot be logged; the message names the field."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record ready to be committed: its row, in the order of `OPEN`, whose last is the leaf.

    `sealed` is what the vault encrypts: for each of `SEALED` the salt (16 bytes) and the text.
    """

    record: Record
    row: Row
    sealed: tuple[bytes, ...]

    @property
    def decided_at(self) -> str:
        """The time as it is stored."""
        return str(self.row[len(TEXTS)])

    @property
    def leaf(self) -> str:
        """The record's hash in the chain."""
        return str(self.row[-1])


@dataclass(frozen=True, slots=True)
class Opened:
    """What was sealed in a record: canonical JSON texts, and both salts one after the other."""

    subject: str
    features: str
    salt: bytes


def encode(record: Record) -> Entry:
    """The row of `record`, or `RecordError` naming the field that cannot be logged."""
    if record.kind not in KINDS:
        raise RecordError(f"kind: found {record.kind!r}, expected one of {KINDS}")
    row: dict[str, Any] = {name: _text(name, getattr(record, name)) for name in TEXTS}
    row["decided_at"] = _decided_at(record.decided_at)
    row["grade"] = None if record.grade is None else _text("grade", record.grade)
    row["probability"], row["score"] = _number("probability", record.probability), _number("score", record.score)
    row["stale"], row["version"] = _flag("stale", record.stale), record.version
    for name in DOCUMENTS:
        row[name] = _document(name, getattr(record, name))
    sealed = []
    for name, text, salt in zip(SEALED, _sealed_texts(record), _salts(record.salt), strict=True):
        row[f"{name}_commitment"] = commit(salt, text)
        sealed.append(salt + text)
    row["leaf"] = leaf_hash(body(row))
    return Entry(record, tuple(row[name] for name in OPEN), tuple(sealed))


def decode(stored: Mapping[str, Any], opened: Opened | None) -> Record:
    """The record of a stored row and what was sealed in it; None: its person was erased."""
    personal: dict[str, Any] = dict.fromkeys(("entity_id", "personal", "request_digest", "features", "salt"))
    if opened is not None:
        personal = {**parse(opened.subject), "features": parse(opened.features), "salt": opened.salt}
    documents = {name: parse(stored[name]) for name in DOCUMENTS}
    documents["rules"], documents["reasons"] = tuple(documents["rules"]), tuple(documents["reasons"])
    return Record(
        **{name: stored[name] for name in (*TEXTS, "grade", "probability", "score", "version")},
        **documents,
        **personal,
        stale=bool(stored["stale"]),
        decided_at=datetime.fromisoformat(stored["decided_at"]),
    )


def body(row: Mapping[str, Any]) -> bytes:
    """The canonical JSON that is hashed: the row, with commitments in the place of what is sealed."""
    content: dict[str, Any] = {name: row[name] for name in (*TEXTS, "decided_at", "grade", "stale", "version")}
    content["probability"] = orjson.Fragment(canonical(row["probability"]))
    content["score"] = orjson.Fragment(canonical(row["score"]))
    for name in DOCUMENTS:
        content[name] = orjson.Fragment(row[name])
    for name in SEALED:
        content[name] = row[f"{name}_commitment"]
    content["type"] = "decision"  # also of an erasure: `kind` tells them apart
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def commit(salt: bytes, text: bytes) -> str:
    """The commitment to a sealed `text`, which is canonical JSON, under its salt."""
    return keyed_digest(salt, text).hex()


def _sealed_texts(record: Record) -> tuple[bytes, bytes]:
    subject = {
        "entity_id": _text("entity_id", record.entity_id),
        "personal": record.personal,
        "request_digest": _text("request_digest", record.request_digest),
    }
    return _document("personal", subject).encode(), _document("features", record.features).encode()


def _salts(salt: bytes | None) -> tuple[bytes, bytes]:
    if salt is None or len(salt) != SALT_BYTES:
        found = 0 if salt is None else len(salt)
        raise RecordError(f"salt: found {found} bytes, expected {SALT_BYTES}: os.urandom({SALT_BYTES})")
    half = SALT_BYTES // 2
    return salt[:half], salt[half:]


def _text(name: str, value: Any) -> str:
    # One row that the database refuses would fail its whole batch: what it may refuse is refused here.
    if type(value) is not str:
        raise RecordError(f"{name}: found {type(value).__name__}, expected text")
    if not 0 < len(value) <= LONGEST or "\0" in value or not _is_unicode(value):
        raise RecordError(f"{name}: found {len(value)} characters, expected 1 to {LONGEST} of Unicode and no NUL")
    return value


def _number(name: str, value: float | None) -> float | None:
    if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
        raise RecordError(f"{name}: found {value!r}, expected a finite number or None")
    return None if value is None else float(value)


def _flag(name: str, value: bool) -> int:
    if type(value) is not bool:
        raise RecordError(f"{name}: found {type(value).__name__}, expected True or False")
    return int(value)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _document(name: str, value: Any) -> str:
    try:
        return canonical(value).decode()
    except CanonicalError as error:
        raise RecordError(f"{name}: {_culprit(value)}{error}") from error


def _culprit(value: Any) -> str:
    for key, inner in value.items() if isinstance(value, dict) else ():
        try:
            canonical(inner)
        except CanonicalError:
            return f"{key}: {_culprit(inner)}"
    return ""


def _decided_at(when: datetime) -> str:
    try:
        return time_text(when)
    except ValueError as error:
        raise RecordError(f"decided_at: {error}") from error
