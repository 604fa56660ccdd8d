"""An act in the chain: what somebody did about a decision, or about who may act; never a decision itself."""

import os
from collections.abc import Mapping
from datetime import datetime

from serving.log.canonical import Json
from serving.log.record import PLATFORM, SALT_BYTES, Kind, Record, make_id

EVERYWHERE = "*"
"""The portfolio of an act that is about no portfolio, or about all of them."""
RANDOM_BYTES = 10 + SALT_BYTES


def act_record(
    kind: Kind,
    outcome: str,
    inputs: Mapping[str, Json],
    *,
    portfolio: str,
    at: datetime,
    randomness: bytes,
    subject: str = "",
    slot: str = "",
    release: str = "none",
    personal: Mapping[str, Json] | None = None,
    reasons: tuple[Json, ...] = (),
    offer: Mapping[str, Json] | None = None,
) -> Record:
    """The record of an act; `inputs` say who and what, and never name a customer: `personal` is sealed.

    `subject` is what all acts of one matter are found by, `slot` what only one act can ever take; `randomness` are
    RANDOM_BYTES random bytes.
    """
    name = make_id(at, randomness[:10])
    return Record(
        decision_id=name,
        portfolio=portfolio,
        kind=kind,
        model="none",
        partner=PLATFORM,
        idempotency_key=slot or name,
        request_digest="none",
        entity_id=subject or f"{kind} {name}",
        inputs=inputs,
        personal=personal or {},
        features={},
        feature_times={},
        context={},
        release=release,
        outcome=outcome,
        decided_at=at,
        salt=randomness[10:],
        reasons=reasons,
        offer=offer or {},
    )


def deed(
    kind: Kind,
    act: str,
    by: str,
    at: datetime,
    more: Mapping[str, Json],
    *,
    portfolio: str = EVERYWHERE,
    subject: str = "",
    personal: Mapping[str, Json] | None = None,
) -> Record:
    """The record that somebody did something, once: `more` says to what, and never names a customer."""
    inputs: dict[str, Json] = {"act": act, "by": by, **more}
    given = {"subject": subject, "personal": personal}
    return act_record(kind, act, inputs, portfolio=portfolio, at=at, randomness=os.urandom(RANDOM_BYTES), **given)  # type: ignore[arg-type]


def about(decision_id: str) -> str:
    """The subject of all acts about a decision; no entity can have that name: the API takes no such character."""
    return f"review\x1f{decision_id}"
