"""What is done to a review, and the record of it in the chain."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from serving.log.act import about, act_record
from serving.log.canonical import Json
from serving.log.record import Record, time_text

Name = Literal["claim", "release", "propose", "approve", "decline", "expire", "refuse"]
Outcome = Literal["approve", "decline", "expired"]
"""What a review ends with."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The decision that a review is about, as far as its acts tell of it."""

    decision_id: str
    portfolio: str
    release: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Act:
    """One step of a review, by a member of the staff or, when it expires, by the platform; who tells that the
    applicant refuses the machine's decision is a partner too (`partner:` and its name).

    `until`: when a claim lapses, or when the review that expired was due. `limit`: the largest amount granted, of an
    approval or a proposal to approve. `outcome`: what the review ends with, of a step that ends it. `people`: how
    many must approve, of a refusal. `reason` is sealed in the log and can be erased.
    """

    name: Name
    by: str
    at: datetime
    until: datetime | None = None
    limit: float | None = None
    outcome: Outcome | None = None
    reason: str = ""
    reasons: tuple[Json, ...] = ()
    people: int | None = None

    def told(self, reason: str, reasons: tuple[Json, ...]) -> "Act":
        """The same with what the person says about it: their words, and reason codes with texts."""
        return replace(self, reason=reason, reasons=reasons)

    def record(self, decision: Subject, number: int, randomness: bytes) -> Record:
        """The record of this act as the review's `number`-th, which only one act can be."""
        inputs: dict[str, Json] = {"act": self.name, "decision": decision.decision_id, "number": number, "by": self.by}
        if self.people is not None:
            inputs["people"] = self.people
        return act_record(
            "review",
            self.outcome or self.name,
            {**inputs, **({} if self.until is None else {"until": time_text(self.until)})},
            portfolio=decision.portfolio,
            at=self.at,
            randomness=randomness,
            subject=about(decision.decision_id),
            slot=f"review {decision.decision_id} {number}",
            release=decision.release,
            personal={"reason": self.reason} if self.reason else {},
            reasons=self.reasons,
            offer={} if self.limit is None else {"limit": self.limit},
        )


def act_of(record: Record) -> Act:
    """The act of a record in the chain."""
    reason = (record.personal or {}).get("reason", "")
    found = open_act(record.inputs, record.offer, record.outcome, record.decided_at)
    return found.told(str(reason), record.reasons)


def open_act(inputs: Mapping[str, Any], offer: Mapping[str, Any], outcome: str, at: datetime) -> Act:
    """The act of what is not sealed in a record."""
    until, limit, name, people = inputs.get("until"), offer.get("limit"), inputs["act"], inputs.get("people")
    ended: Any = None if outcome == name and name not in ("approve", "decline") else outcome
    when = None if until is None else datetime.fromisoformat(until)
    return Act(name, inputs["by"], at, when, None if limit is None else float(limit), ended, people=people)
