"""A policy in plain words: what a person who signs it reads."""

from collections.abc import Iterator

from serving.policy.canary import CanaryLimits
from serving.policy.document import Policy
from serving.policy.risk import GRADES, RiskPolicy
from serving.policy.terms import CounterOffer, Price, Purposes, Quota, Reviews
from serving.rules import Rule

OUTCOMES = {"review": "goes to a person", "decline": "is declined"}
ORDER = (
    "Lists and hard rules are looked at first, then the calibrated PD, the score, the grade and the limit; reasons are "
    "given last. Everything that speaks against approving is collected and the gravest wins: decline over review. "
    "Only where nothing does is an application approved. Features that are missing, stale or late never approve."
)


def explained(policy: Policy) -> str:
    """The policy as Markdown."""
    parts: list[str] = []
    if policy.risk is not None:
        parts += ["## Decisions on credit", ORDER, *_risk(policy.risk), _reviews(policy.reviews)]
    if (propensity := policy.propensity) is not None:
        words = f"Whoever is likelier than {propensity.contact_from:.1%} by model `{propensity.model}` is contacted."
        parts += ["## Contacts", words]
    if policy.consents:
        words = "Only with a consent on record is anything read of a person for: " + ", ".join(policy.consents) + "."
        parts += ["## Consent", f"{words} Without it an application goes to a person, and nobody is contacted."]
    parts += ["## A challenger's canary", _canary(policy.canary)]
    parts += ["## Reasons", f"At most {policy.reasons_shown} are told, strongest first; the rest is `other`."]
    parts.append(_bullets(f"`{code}`: {reason.en} / {reason.zh}" for code, reason in policy.reasons.items()))
    if policy.may_be_missing:
        parts += ["## What may be missing", "Any other feature that is missing means review."]
        parts.append(_bullets(f"{one.because}: {', '.join(one.features)}" for one in policy.may_be_missing))
    return "\n\n".join(parts) + "\n"


def _canary(limits: CanaryLimits) -> str:
    return (
        f"A challenger that answers some of the customers is stopped, after {limits.minimum:,} decisions of its own, "
        f"when beyond chance it fails at over {limits.error_rate:.1%} of its requests, lacks fresh features in over "
        f"{100 * limits.degraded_rise:g} points more of its decisions than the champion, approves or contacts over "
        f"{100 * limits.approval_difference:g} points more or fewer, or is slower than {limits.latency_ratio:g} times "
        "the champion's 99th percentile in over 1 of 100. In the champion's shadow are scored "
        f"{limits.shadow_share:.0%} of the customers."
    )


def _risk(risk: RiskPolicy) -> Iterator[str]:
    yield "### Score and cut-offs"
    yield _bullets(
        (
            f"Model `{risk.model}`; a PD of {risk.scale.pd_at_60:.2%} is score 60, and every "
            f"{risk.scale.points_to_double_odds:g} points halve the odds of default.",
            f"From {risk.review_below:g} points an application may be approved; below, it goes to a person.",
            f"Below {risk.decline_below:g} points it is declined.",
        )
    )
    yield "### Grades and limits"
    yield _bullets(_grade(risk, place) for place in range(len(GRADES)))
    if risk.capacity is not None:
        capacity = f"`{risk.capacity.amount}` ({risk.capacity.because})"
        yield f"The limit is never above {capacity}; where that is not known, a person decides."
    yield "### Hard rules"
    yield _bullets(_rule(risk, rule) for rule in risk.rules) or "There are none."
    yield "### What else is checked"
    yield _bullets(_checks(risk)) or "Nothing else."
    yield "### People"
    yield _bullets(_people(risk))


def _grade(risk: RiskPolicy, place: int) -> str:
    grade = GRADES[place]
    above = f"from {risk.grades[grade]:g} points" if grade in risk.grades else "any lower score"
    return f"{grade}: {above}, up to {risk.limits[grade]:,.0f}"


def _rule(risk: RiskPolicy, rule: Rule) -> str:
    first, last = rule.first_day, rule.last_day
    period = " ".join(
        [*([f"from {first}"] if first else []), *([f"up to and including {last}"] if last else [])]
    )  # both days are included
    when = f", in force {period}" if period else ", always in force"
    passes = risk.edition == 1 or rule.when_open == "pass"
    left_open = f"Where something missing leaves it open, {'it is passed over' if passes else 'a person decides'}."
    return f"`{rule.id}`{when}: where `{rule.when}`, it {OUTCOMES[rule.outcome]}. {left_open} {rule.en} / {rule.zh}"


def _checks(risk: RiskPolicy) -> Iterator[str]:
    for name, outcome in risk.lists.items():
        yield f"Who is on list `{name}` {OUTCOMES[outcome]}; lists that could not be looked up: review."
    if risk.signals:
        yield f"Without a passed {', '.join(risk.signals)} check: review."
    if risk.purposes is not None:
        yield _purposes(risk.purposes)
    if risk.price is not None:
        yield _price(risk.price)
    yield from map(_quota, risk.quotas)


def _purposes(found: Purposes) -> str:
    purposes = ", ".join(found.allowed or found.forbidden)
    only = f"{'lent only' if found.allowed else 'not lent'} for {purposes}"
    unstated = " A purpose that is not stated: review." if found.required else ""
    return f"Money is {only}; anything else {OUTCOMES[found.otherwise]}.{unstated}"


def _price(price: Price) -> str:
    unstated = " A price that is not stated: review." if price.required else ""
    ceiling = f"{price.ceiling:.2%} a year, interest and fees together"
    return f"A loan may cost at most {ceiling}; a dearer one {OUTCOMES[price.over]}.{unstated}"


def _quota(quota: Quota) -> str:
    counted = f"{quota.at_most:,.0f} {'approvals' if quota.of == 'approvals' else 'of money approved'}"
    purpose = f" for {quota.purpose}" if quota.purpose else ""
    return f"Quota `{quota.id}`: at most {counted}{purpose} each {quota.each}; beyond it, a person decides."


def _people(risk: RiskPolicy) -> Iterator[str]:
    amount = risk.two_people.amount_from
    large = f" or for {amount:,.0f} and more" if amount is not None else ""
    yield (
        f"Out of review, one person approves; two different people where the score is below "
        f"{risk.two_people.score_below:g} or missing{large}."
    )
    if risk.counter_offer is not None:
        yield _counter(risk.counter_offer)


def _reviews(reviews: Reviews) -> str:
    most = "the limit of the grade" if reviews.at_most is None else f"{reviews.at_most:,.0f}"
    end = "is declined" if reviews.expired == "decline" else "expires"
    return (
        f"- A person may hold {reviews.claims_each} reviews at once, each for {reviews.claim_minutes} minutes, "
        f"and approve up to {most}. What nobody ended in {reviews.expire_days} days {end}."
    )


def _counter(offer: CounterOffer) -> str:
    told = (
        "Where only the amount stands in the way, the largest that would be approved is offered: "
        f"in steps of {offer.step:,.0f}, at least {offer.smallest:,.0f}."
    )
    if offer.changes is None:
        return told
    named = [
        f"`{name}` from {span.at_least:g} to {span.at_most:g} by {span.step:g}"
        for name, span in offer.changes.spans.items()
    ]
    named += [f"`purpose` among {', '.join(offer.changes.purpose)}"] if offer.changes.purpose else []
    return f"{told} Where no amount would do, the nearest change of one of these that would: {'; '.join(named)}."


def _bullets(lines: Iterator[str] | tuple[str, ...]) -> str:
    return "\n".join(f"- {line}" for line in lines)
