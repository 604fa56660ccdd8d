"""The record of one decision: all that replay, an explanation or an auditor needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from serving.log.canonical import Json

Kind = Literal["decision", "propensity", "erasure", "review", "staff", "partner", "list", "consent"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DECIDING = ("decision", "propensity")
"""Kinds that are decisions; the others are acts about them, or about who may act."""

SALT_BYTES = 32
ID_BYTES = 10
PLATFORM = "lendloop"
"""The partner whose requests are the platform's own checks: on record, but nobody's business."""


QUOTAS_USED = "quotas_used"
"""Among the personal inputs, and no part of the request: what each quota of the policy had granted before."""


@dataclass(frozen=True, slots=True)
class Record:
    """One decision as it was made. JSON values only (no numpy types, no NaN); `entity_id`, `personal` and
    `request_digest` are personal, and like `features` enter the chain only as salted commitments. They and `salt` are
    None when the person was erased. A record of any kind but `DECIDING` is an act: `log.act` says what it holds."""

    decision_id: str
    portfolio: str
    kind: Kind
    model: str
    partner: str
    idempotency_key: str  # unique for a partner; use the decision_id when the caller sent none
    request_digest: str | None  # SHA-256 of the request; the same key with another digest is refused
    entity_id: str | None
    inputs: Mapping[str, Json]  # of the request, not personal
    features: Mapping[str, float | str | None] | None
    feature_times: Mapping[str, str | None]  # view -> event timestamp, RFC 3339
    context: Mapping[str, Json]
    release: str  # SHA-256 of the release
    outcome: str
    decided_at: datetime
    salt: bytes | None = field(repr=False)  # 32 random bytes of this record alone: os.urandom(SALT_BYTES)
    personal: Mapping[str, Json] | None = field(default_factory=dict)  # personal inputs of the request
    probability: float | None = None
    score: float | None = None
    grade: str | None = None
    stale: bool = False  # features missing, late or older than their freshness
    rules: tuple[Json, ...] = ()
    reasons: tuple[Json, ...] = ()
    terms: Mapping[str, float] = field(default_factory=dict)  # of the score: base, codes, other, clipped
    offer: Mapping[str, Json] = field(default_factory=dict)  # the limit and what else the answer granted
    version: int = 1

    @property
    def erased(self) -> bool:
        """Whether its person was erased, so that nothing personal is left in it."""
        return self.entity_id is None


def make_id(when: datetime, randomness: bytes) -> str:
    """A UUID of version 7: sorts by the millisecond of `when`; `randomness` is 10 random bytes."""
    if len(randomness) != ID_BYTES:
        raise ValueError(f"found {len(randomness)} bytes of randomness, expected {ID_BYTES}: os.urandom({ID_BYTES})")
    milliseconds = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    tail = int.from_bytes(randomness, "big")
    number = (
        (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (tail >> 62 & 0xFFF) << 64 | 0b10 << 62 | tail & (2**62 - 1)
    )
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def time_text(when: datetime) -> str:
    """`when` as fixed-width RFC 3339 in UTC, so that text order is time order."""
    if when.tzinfo is None:
        raise ValueError(f"found the time {when.isoformat()} without a zone, expected one in UTC")
    return when.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
