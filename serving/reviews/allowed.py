"""What people may grant out of review: as much as the policy in force allows for what is on record."""

from collections.abc import Iterable

import numpy as np

from serving.applications import Applications, Context, application_from, circumstances_from
from serving.decide import Decider
from serving.evaluation import Scores, Sources
from serving.log.canonical import Json
from serving.log.record import Record
from serving.money import money
from serving.policy import GRADES, Grade, RiskPolicy
from serving.reasons import CAUSES


class BadReason(ValueError):
    """A reason code is none of the policy's."""


def largest(release: Decider, record: Record) -> float:
    """The largest limit that people may grant, never above the customer's capacity where that is known."""
    risk = release.policy.risk
    if risk is None:
        return 0.0
    most, capacity = release.policy.reviews.at_most, _capacity(release, risk, record)
    if most is None:
        most = _of_grade(risk, record.grade)
    return most if capacity is None else min(most, max(capacity, 0.0))


def people(release: Decider, record: Record, limit: float) -> int:
    """How many people must approve this limit: as the decision says, and two for what two must approve now."""
    risk = release.policy.risk
    from_amount = risk.two_people.amount_from if risk else None
    return max(confirmations(release, record), 2 if from_amount is not None and limit >= from_amount else 1)


def confirmations(release: Decider, record: Record) -> int:
    """How many people must approve: as the decision says, or where it says nothing, as it was not left to people."""
    risk, said = release.policy.risk, record.offer.get("confirmations")
    if isinstance(said, int):
        return said
    if risk is None:
        return 1
    two, asked = risk.two_people, (record.personal or {}).get("amount")
    large = two.amount_from is not None and isinstance(asked, int | float) and asked >= two.amount_from
    return 2 if large or record.score is None or record.score < two.score_below else 1


def reasons_of(release: Decider, codes: Iterable[str]) -> tuple[Json, ...]:
    """Reason codes with their texts, as a decision has them; or `BadReason`."""
    policy = release.policy
    texts = {code: (cause.en, cause.zh) for code, cause in CAUSES.items()}
    texts |= {code: (reason.en, reason.zh) for code, reason in policy.reasons.items()}
    for rule in policy.risk.rules if policy.risk else ():
        texts |= {reason.code: (reason.en, reason.zh) for reason in (rule.reason, rule.open_reason)}
    wanted = tuple(dict.fromkeys(codes))
    if any(code not in texts for code in wanted):
        raise BadReason(f"expected codes among {', '.join(sorted(texts))}")
    return tuple({"code": code, "en": texts[code][0], "zh": texts[code][1], "points": None} for code in wanted)


def _of_grade(risk: RiskPolicy, grade: str | None) -> float:
    """The grade's limit; where there is no grade, or a machine grants it nothing, the lowest limit of any grade."""
    limits: dict[Grade, float] = risk.limits
    own = next((limits[one] for one in GRADES if one == grade), 0.0)
    return own or min((limit for limit in limits.values() if limit > 0), default=0.0)


def _capacity(release: Decider, risk: RiskPolicy, record: Record) -> float | None:
    capacity = risk.capacity
    if capacity is None or record.features is None:
        return None
    numbers = [np.nan if value is None else value for value in (record.score, record.probability)]
    scores = Scores(np.array(numbers[:1]), np.array(numbers[1:]), np.array([record.grade or ""]))
    asked = Applications.of([application_from(record.personal or {})])
    context = Context.of([circumstances_from(record.context, record.personal)])
    features = {name: [value] for name, value in record.features.items()}
    facts = Sources(release.models[risk.model], asked, features, context, scores).facts(risk)
    (found,) = facts.evaluate(capacity.value, capacity)
    return None if found is None else money(float(found))
