"""The tables of the log, in SQL that both databases take. Hashes are hexadecimal, times RFC 3339: text for the eye.

SQLite keeps bytes in a column of whatever type: BYTEA is Postgres's word for it."""

from serving.log.chain import Head
from serving.log.entry import DOCUMENTS, SEALED
from serving.log.record import DECIDING

VERSION = 3  # 1: sealed columns in plain text; 2: books whose rows no act vouches for
READABLE = (2, VERSION)
"""Versions that differ in nothing that a reader needs."""

LINKS = ("number", "first", "records", "root", "previous", "hash")
HEAD = ("number", "records", "hash")

_REQUIRED = ("decision_id", "portfolio", "kind", "model", "partner", "idempotency_key", "release", "outcome")
_DECISIONS = ", ".join(
    [
        "sequence BIGINT PRIMARY KEY",
        *(f"{name} TEXT NOT NULL" for name in (*_REQUIRED, "decided_at")),
        "grade TEXT",
        "probability DOUBLE PRECISION",
        "score DOUBLE PRECISION",
        "stale SMALLINT NOT NULL",
        "version SMALLINT NOT NULL",
        *(f"{name} TEXT NOT NULL" for name in DOCUMENTS),
        # What is sealed, and the hash that finds its person, may be erased; never its commitment.
        *(f"{name}_commitment TEXT NOT NULL" for name in SEALED),
        "leaf TEXT NOT NULL",
        *(f"{name} BYTEA" for name in SEALED),
        "person TEXT",
    ]
)
_GENESIS = Head()

DECISIONS = f"kind IN {DECIDING}"
"""The condition that a record is a decision, not an act."""
REVIEWS_ENDED = "kind = 'review' AND outcome IN ('approve', 'decline', 'expired')"
"""The condition that a record is the last act of a review."""
REVIEW_INDEXES = (
    # Of records that wait for a person, and of what persons did: a decision that is made at once is in neither.
    "CREATE INDEX IF NOT EXISTS decisions_review ON decisions (decided_at, sequence) WHERE outcome = 'review'",
    "CREATE INDEX IF NOT EXISTS decisions_act ON decisions (portfolio, decided_at) WHERE kind = 'review'",
)
BOOK_ACTS = "kind IN ('staff', 'partner', 'list', 'consent')"
"""The condition that a record may be an act that changed a book beside the log."""
BOOK_INDEX = f"CREATE INDEX IF NOT EXISTS decisions_book ON decisions (sequence) WHERE {BOOK_ACTS}"
TABLES = ("decisions", "decision_batches", "decision_head", "decision_keys", "decision_schema")
STATEMENTS = (
    f"CREATE TABLE IF NOT EXISTS decisions ({_DECISIONS})",
    "CREATE UNIQUE INDEX IF NOT EXISTS decisions_id ON decisions (decision_id)",
    # The key first: a batch's keys are looked up with one list, whoever the partners are.
    "CREATE UNIQUE INDEX IF NOT EXISTS decisions_key ON decisions (idempotency_key, partner)",
    "CREATE INDEX IF NOT EXISTS decisions_time ON decisions (portfolio, decided_at, sequence)",
    "CREATE INDEX IF NOT EXISTS decisions_person ON decisions (person) WHERE person IS NOT NULL",
    *REVIEW_INDEXES,
    BOOK_INDEX,
    "CREATE TABLE IF NOT EXISTS decision_keys (portfolio TEXT NOT NULL, day TEXT NOT NULL, master TEXT NOT NULL,"
    " wrapped TEXT NOT NULL, PRIMARY KEY (portfolio, day))",
    "CREATE TABLE IF NOT EXISTS decision_batches (number BIGINT PRIMARY KEY, first BIGINT NOT NULL,"
    " records BIGINT NOT NULL, root TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS decision_head (one SMALLINT PRIMARY KEY CHECK (one = 1), number BIGINT NOT NULL,"
    " records BIGINT NOT NULL, hash TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS decision_schema (version SMALLINT NOT NULL)",
    f"INSERT INTO decision_head VALUES (1, 0, 0, '{_GENESIS.hash}') ON CONFLICT DO NOTHING",
)
