"""A person's right to be erased: what is personal goes, the chain and the act itself stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.log.database import Session
from serving.log.record import SALT_BYTES, Record, make_id

PARTNER = "lendloop"
RANDOM_BYTES = 10 + SALT_BYTES


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who is to be erased, on whose word and why; the reason is kept for ever, so it must not name the person."""

    portfolio: str
    entity_id: str
    by: str
    reason: str
    at: datetime
    randomness: bytes  # RANDOM_BYTES random bytes

    def record(self, decision_ids: list[str]) -> Record:
        """The record of the act: it names decisions, never the person."""
        name = make_id(self.at, self.randomness[:10])
        return Record(
            decision_id=name,
            portfolio=self.portfolio,
            kind="erasure",
            model="none",
            partner=PARTNER,
            idempotency_key=name,
            request_digest="none",
            entity_id=f"erasure {name}",
            inputs={"by": self.by, "reason": self.reason, "decision_ids": decision_ids},
            features={},
            feature_times={},
            context={},
            release="none",
            outcome="erased",
            decided_at=self.at,
            salt=self.randomness[10:],
        )


def forget_shadow(session: Session, decision_ids: Sequence[str]) -> None:
    """Remove what a challenger would have decided in the place of these decisions, where one was ever tried."""
    if session.columns("shadow_decisions"):
        among, names = session.among(decision_ids)
        session.run(f"DELETE FROM shadow_decisions WHERE decision_id IN {among}", [names])
