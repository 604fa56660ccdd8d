"""What speaks against approving: every cause of a review or a decline, and the gravest of them for each row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from serving import reasons
from serving.applications import Applications, Context, Flags, occurs
from serving.causes import OVERRULES, Cause
from serving.evaluation import Facts, Scores, Sources
from serving.money import money, moneys
from serving.policy import Quota, RiskPolicy
from serving.pricing import all_in_rates
from serving.problems import Problems
from serving.rules import Rule
from serving.scoring import Column, LoadedModel
from training.score import Floats

AMOUNT, PURPOSE = frozenset({"amount"}), frozenset({"purpose"})
PRICED = frozenset({"amount", "term_months", "annual_rate", "fees"})
"""Terms that a price is made of."""
_TERMS = {f"request.{name}": frozenset({name}) for name in (*PRICED, *PURPOSE)} | {"request.all_in_rate": PRICED}


@cache
def terms_in(names: tuple[str, ...]) -> frozenset[str]:
    """The terms of an application that a rule looks at, and that another value of may satisfy."""
    return frozenset[str]().union(*(_TERMS.get(name, frozenset()) for name in names))


@dataclass(frozen=True)
class Assessed:
    """What is known of each row whatever is asked for: scores, limit by grade, features and their problems."""

    risk: RiskPolicy
    model: LoadedModel
    features: Mapping[str, Column]
    problems: Problems
    scores: Scores
    limit: Floats


@dataclass(frozen=True)
class Verdict:
    """The severity (0 approve, 1 review, 2 decline) of each row, why, its limit, and the rules left open."""

    severity: NDArray[np.intp]
    causes: tuple[Cause, ...]
    limit: Floats
    open_rules: tuple[tuple[str, Flags], ...]


def judge(known: Assessed, applications: Applications, context: Context) -> Verdict:
    """Everything that speaks against approving each application."""
    risk = known.risk
    facts = Sources(known.model, applications, known.features, context, known.scores).facts(risk)
    limit, causes = _capacity(known, facts)
    open_rules: list[tuple[str, Flags]] = []
    causes += _rules(known, facts.granting(judged_amounts(risk, applications.amount, limit)), open_rules)
    causes += _amount(risk, applications.amount, limit)
    causes += _terms(risk, applications)
    causes += _score(known)
    causes += _context(risk, applications, context, limit)
    causes = [cause for cause in causes if occurs(cause.rows)]
    severity = _severity(causes, known.problems)
    if context.automation_refused is not None:
        # Whoever refused to be decided on by a machine is neither approved nor declined by one.
        severity = np.where(np.array(context.automation_refused, dtype=bool), 1, severity)
    return Verdict(severity, tuple(causes), limit, tuple(open_rules))


def tied_to(term: str, verdict: Verdict, problems: Problems) -> Flags:
    """Rows that are not approved for no other cause than what another value of this term may do away with."""
    tied = (verdict.severity > 0) & ~problems.any
    for cause in verdict.causes:
        if term not in cause.by:
            tied &= ~cause.rows
    return tied


def _capacity(known: Assessed, facts: Facts) -> tuple[Floats, list[Cause]]:
    capacity = known.risk.capacity
    if capacity is None:
        return known.limit, []
    found = np.array(facts.evaluate(capacity.value, capacity), dtype=np.float64)
    unknown = np.isnan(found)
    carried = np.maximum(found, 0)
    if known.risk.edition > 1:
        carried = moneys(carried)
    limit = np.where(unknown, known.limit, np.minimum(known.limit, carried))
    empty = (limit <= 0) & (known.limit > 0)
    # What nobody can carry is no matter of the amount.
    by = terms_in(capacity.names) - AMOUNT
    return limit, [Cause(reasons.CAPACITY_UNKNOWN, unknown, 1), Cause(reasons.NO_CAPACITY, empty, 1, by)]


def _rules(known: Assessed, facts: Facts, open_rules: list[tuple[str, Flags]]) -> Iterator[Cause]:
    for rule in known.risk.rules:
        found = facts.fired(rule)
        if found is None:
            continue
        fires, left_open = found
        # A rule about features that are not to be trusted asks for a person, it does not decline.
        declines = rule.outcome == "decline"
        if declines and rule.of_features:
            yield Cause(rule.reason, fires & known.problems.any, 1, terms_in(rule.names))
            fires = fires & ~known.problems.any
        yield Cause(rule.reason, fires, 2 if declines else 1, terms_in(rule.names))
        if occurs(left_open):
            open_rules.append((rule.id, left_open))
            if reviews_open(known.risk, rule):
                # Where features are at fault that is said already, and a person decides.
                yield Cause(rule.open_reason, left_open & ~known.problems.any, 1, terms_in(rule.names))


def judged_amounts(risk: RiskPolicy, amount: Floats, limit: Floats) -> Floats:
    """The amounts that rules look at: whoever names none is granted the whole limit."""
    return amount if risk.edition == 1 else np.where(np.isnan(amount), limit, amount)


def reviews_open(risk: RiskPolicy, rule: Rule) -> bool:
    """Whether a rule that something missing leaves open asks for a person."""
    return risk.edition > 1 and rule.when_open == "review"


def _amount(risk: RiskPolicy, amount: Floats, limit: Floats) -> Iterator[Cause]:
    usable = (amount > 0) & (amount < np.inf)
    yield Cause(reasons.AMOUNT_INVALID, (amount == amount) & ~usable, 1)
    yield Cause(reasons.AMOUNT_OVER_LIMIT, usable & (amount > limit), 1, limited_by(risk))


def _terms(risk: RiskPolicy, applications: Applications) -> Iterator[Cause]:
    if (price := risk.price) is not None:
        rate = all_in_rates(applications)
        stated = applications.annual_rate is not None or applications.fees is not None
        if price.required or stated:
            yield Cause(reasons.PRICE_UNKNOWN, np.isnan(rate) & (price.required | _stated(applications)), 1)
        severity = 2 if price.over == "decline" else 1
        yield Cause(reasons.PRICE_OVER_CEILING, rate > price.ceiling, severity, PRICED)
    if (purposes := risk.purposes) is not None:
        named = applications.purpose or [None] * len(applications)
        if purposes.required:
            yield Cause(reasons.PURPOSE_UNKNOWN, np.array([one is None for one in named]), 1)
        refused = np.array([one is not None and not purposes.permits(one) for one in named])
        yield Cause(reasons.PURPOSE_NOT_ALLOWED, refused, 2 if purposes.otherwise == "decline" else 1, PURPOSE)


def limited_by(risk: RiskPolicy) -> frozenset[str]:
    """The terms that decide whether an amount is within the limit."""
    return AMOUNT if risk.capacity is None else AMOUNT | terms_in(risk.capacity.names)


def spent_by(quota: Quota) -> frozenset[str]:
    """The terms that decide whether a quota has room."""
    amount = AMOUNT if quota.of == "amount" else frozenset[str]()
    return amount if quota.purpose is None else amount | PURPOSE


def _stated(applications: Applications) -> Flags:
    """Where anything of a price was stated."""
    stated = np.zeros(len(applications), dtype=bool)
    for column in (applications.annual_rate, applications.fees):
        if column is not None:
            stated |= ~np.isnan(column)
    return stated


def _score(known: Assessed) -> Iterator[Cause]:
    risk, score = known.risk, known.scores.score
    declined = (score < risk.decline_below) & ~known.problems.any
    yield Cause(reasons.SCORE_UNDER_DECLINE, declined, 2)
    yield Cause(reasons.SCORE_UNDER_REVIEW, (score < risk.review_below) & ~declined, 1)


def _context(risk: RiskPolicy, applications: Applications, context: Context, limit: Floats) -> Iterator[Cause]:
    yield Cause(reasons.PAUSED, context.paused, 1)
    if context.automation_refused is not None:
        yield Cause(reasons.AUTOMATION_REFUSED, np.array(context.automation_refused, dtype=bool), OVERRULES)
    yield from consent_causes(context)
    if risk.lists:
        yield from _listed(risk, context, len(applications))
    if risk.signals:
        yield from _signals(risk, context, len(applications))
    for quota in risk.quotas:
        yield from _quota(risk, quota, applications, context, limit)


def consent_causes(context: Context) -> Iterator[Cause]:
    """Consents that are needed, and not given or not known."""
    if context.consented is not None:
        yield Cause(reasons.CONSENT_MISSING, np.array([one is False for one in context.consented]), 1)
    if context.consents is not None:
        yield Cause(reasons.CONTEXT_UNKNOWN, np.array(["unknown" in one.values() for one in context.consents]), 1)


def _listed(risk: RiskPolicy, context: Context, rows: int) -> Iterator[Cause]:
    lists = context.lists or [None] * rows
    yield Cause(reasons.CONTEXT_UNKNOWN, np.array([found is None for found in lists]), 1)
    for name, outcome in risk.lists.items():
        hit = np.array([found is not None and name in found for found in lists])
        yield Cause(reasons.ON_LIST, hit, 2 if outcome == "decline" else 1)


def _signals(risk: RiskPolicy, context: Context, rows: int) -> Iterator[Cause]:
    signals = context.signals or [{}] * rows
    results = [[found.get(name) for name in risk.signals] for found in signals]
    failed = np.array(["failed" in row for row in results])
    passed = np.array([all(one == "passed" for one in row) for row in results])
    yield Cause(reasons.SIGNAL_FAILED, failed, 1)
    yield Cause(reasons.SIGNAL_MISSING, ~passed & ~failed, 1)


def _quota(
    risk: RiskPolicy, quota: Quota, applications: Applications, context: Context, limit: Floats
) -> Iterator[Cause]:
    rows = len(applications)
    used = np.array([found.get(quota.id, np.nan) for found in context.used or [{}] * rows])
    purposes = applications.purpose or [None] * rows
    counts = np.array([quota.purpose is None or one == quota.purpose for one in purposes])
    used_then = used + (counted_amounts(applications.amount, limit) if quota.of == "amount" else 1.0)
    if risk.edition > 1:
        used_then = moneys(used_then)
    yield Cause(reasons.CONTEXT_UNKNOWN, counts & np.isnan(used), 1)
    yield Cause(reasons.QUOTA_REACHED, counts & (used_then > quota.at_most), 1, spent_by(quota))


def counted_amounts(amount: Floats, limit: Floats) -> Floats:
    """What an approval counts as: whoever names no amount is granted the whole limit."""
    return np.where(np.isnan(amount), np.nan_to_num(limit), amount)


def exceeds(risk: RiskPolicy, used: float, more: float, quota: Quota) -> bool:
    """Whether an approval of `more` is beyond a quota; of what is not known (NaN) it is not."""
    return (used + more if risk.edition == 1 else money(used + more)) > quota.at_most


def _severity(causes: list[Cause], problems: Problems) -> NDArray[np.intp]:
    severity = problems.any.astype(np.intp)
    for cause in causes:
        severity = np.maximum(severity, np.where(cause.rows, cause.severity, 0))
    return severity
