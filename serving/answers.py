"""From a request and its decision to the record in the log, and from the record to the answer.

The answer is made of the record alone, so that a request that is repeated gets the very same one.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from serving.api.schemas import DecisionAnswer, PropensityAnswer
from serving.applications import Circumstances, application_from, circumstances_from, circumstances_json, sealed_json
from serving.asked import Asked
from serving.decisions import Decision, Decisions
from serving.desk import LATE, Desk, Looked, looked_at
from serving.log.canonical import Json
from serving.log.record import ID_BYTES, SALT_BYTES, Record, make_id, time_text

Answer = DecisionAnswer | PropensityAnswer


def record_of(
    asked: Asked, desk: Desk, looked: Looked, decision: Decision, found: Circumstances, row: int = 0
) -> Record:
    """The record of a decision; `found`: the circumstances it was made in, `row`: its place in what was looked up."""
    random = os.urandom(ID_BYTES + SALT_BYTES)
    decision_id, body = make_id(asked.at, random[:ID_BYTES]), asked.body()
    risk = desk.release.policy.risk
    rules = risk.rule_ids if risk else ()
    return Record(
        decision_id=decision_id,
        portfolio=asked.portfolio,
        kind=asked.kind,
        model=decision.model,
        partner=asked.partner,
        idempotency_key=asked.idempotency_key or decision_id,
        request_digest=asked.digest(body),
        entity_id=str(asked.request.entity_id),
        inputs={},
        personal=_stated(body) | sealed_json(found),
        features=looked.values[row],
        feature_times={view: None if time is None else time_text(time) for view, time in looked.times[row].items()},
        context={
            **circumstances_json(found),
            "problems": {kind: list(names) for kind, names in decision.problems.items()},
            **({"open_rules": list(decision.open_rules)} if decision.open_rules else {}),
        },
        release=decision.release,
        outcome=decision.outcome,
        probability=decision.probability,
        score=decision.score,
        grade=decision.grade,
        stale=decision.degraded,
        rules=tuple(reason.code for reason in decision.reasons if reason.code in rules),
        reasons=tuple(
            {"code": reason.code, "en": reason.en, "zh": reason.zh, "points": reason.points}
            for reason in decision.reasons
        ),
        terms=_terms(decision),
        offer=_offer(decision),
        decided_at=asked.at,
        salt=random[ID_BYTES:],
    )


def decide_again(desk: Desk, record: Record) -> Decision:
    """The decision on what a record holds, by the release of `desk`."""
    return decisions_again(desk, record).one(0)


def decisions_again(desk: Desk, record: Record) -> Decisions:
    """The same as arrays of one row, with the points of every reason code."""
    kind = record.kind
    if record.features is None or record.personal is None or (kind != "decision" and kind != "propensity"):
        raise ValueError(f"decision {record.decision_id}: its person was erased, or it is no decision; nothing to redo")
    times = {
        view: [None if time is None else datetime.fromisoformat(time)] for view, time in record.feature_times.items()
    }
    values = {name: [value] for name, value in record.features.items()}
    looked = looked_at(values, times, record.decided_at) if record.feature_times else LATE
    asked, found = application_from(record.personal), circumstances_from(record.context, record.personal)
    return desk.decide_all(kind, looked, [asked], [found])


def answer_of(record: Record) -> Answer:
    """What the caller is told of a record."""
    return (PropensityAnswer if record.kind == "propensity" else DecisionAnswer).model_validate(_told(record))


def answer_json(record: Record) -> bytes:
    """The same as JSON, byte for byte; without the detour by a document, which takes ten times as long."""
    return orjson.dumps(_told(record), option=orjson.OPT_UTC_Z)


def _told(record: Record) -> dict[str, Any]:
    """The fields of the answer in the order of its document."""
    told: dict[str, Any] = {
        "decision_id": record.decision_id,
        "portfolio": record.portfolio,
        "entity_id": record.entity_id,
        "model": record.model,
        "release": record.release,
        "decided_at": record.decided_at,
        "probability": record.probability,
        "stale": record.stale,
        "reasons": [_reason(reason) for reason in record.reasons],
        "outcome": record.outcome,
    }
    if record.kind != "propensity":
        offer = record.offer
        told |= {"score": record.score, "grade": record.grade, "limit": _number(offer.get("limit")) or 0.0}
        told |= {"counter_offer": _number(offer.get("amount")), "counter_change": _change(record)}
    return told


def _reason(reason: Any) -> dict[str, Any]:
    # The log has its fields in another order, and whole points without a fraction.
    return {"code": reason["code"], "en": reason["en"], "zh": reason["zh"], "points": _number(reason.get("points"))}


def _stated(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a request says of the person, without what it leaves out."""
    found = {name: value for name, value in _without_nothing(body).items() if name != "entity_id"}
    if not found.get("refuse_automation"):
        found.pop("refuse_automation", None)
    return found


def _without_nothing(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nothing(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }


def _terms(decision: Decision) -> dict[str, float]:
    if decision.terms is None:
        return {}
    terms = decision.terms
    # The platform's own terms are in lower case and codes in upper: no code can hide one.
    return {"base": terms.base, **terms.contributions, "other": terms.other, "clipped": terms.clipped}


def _offer(decision: Decision) -> dict[str, Json]:
    """The limit, how many people must confirm an approval out of review, and the amount that would be approved."""
    if decision.limit is None:
        return {}
    counter: dict[str, Json] = {} if decision.counter_offer is None else {"amount": decision.counter_offer}
    confirmations: dict[str, Json] = {"confirmations": decision.confirmations} if decision.confirmations else {}
    if (change := decision.counter_change) is not None:
        counter["change"] = {"field": change.field, "to": change.to}
    return {"limit": decision.limit, **confirmations, **counter}


def _change(record: Record) -> dict[str, Any] | None:
    """The change that is offered; what was asked for in its place is personal, and stands sealed in the record."""
    change = record.offer.get("change")
    if not isinstance(change, dict):
        return None
    field = change["field"]
    return {"field": field, "from": _term((record.personal or {}).get(str(field))), "to": _term(change["to"])}


def _term(value: Json) -> str | float | None:
    return value if isinstance(value, str) else _number(value)


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None
