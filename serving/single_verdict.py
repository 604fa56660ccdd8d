"""What speaks against approving one application: the causes that `judge` finds for its row, without arrays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isnan, nan
from typing import Any

import numpy as np

from serving import reasons
from serving.applications import Application, Circumstances
from serving.causes import OVERRULES
from serving.evaluation import cleaned, number
from serving.money import money
from serving.policy import SIGNALS, Quota, RiskPolicy
from serving.pricing import all_in_rate
from serving.reasons import Reason
from serving.rules import Value
from serving.rules.names import GRANTED
from serving.scoring import Column, LoadedModel
from serving.verdict import AMOUNT, PRICED, PURPOSE, exceeds, limited_by, reviews_open, spent_by, terms_in


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the applicant, whatever is asked for; there is nothing wrong with the features."""

    risk: RiskPolicy
    model: LoadedModel
    features: Mapping[str, Column]
    score: float
    probability: float
    grade: str
    limit: float


@dataclass(frozen=True, slots=True)
class SingleCause:
    """A reason that holds; severity 1 asks for review, 2 declines, 3 overrules; `by` as of a `Cause`."""

    reason: Reason
    severity: int
    by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Single:
    """The severity (0 approve, 1 review, 2 decline), why, the limit, and the rules left open."""

    severity: int
    causes: tuple[SingleCause, ...]
    limit: float
    open_rules: tuple[str, ...]

    def tied_to(self, term: str) -> bool:
        """Whether it is not approved for no other cause than what another value of this term may do away with."""
        return self.severity > 0 and all(term in cause.by for cause in self.causes)


def judge_single(known: Known, asked: Application, found: Circumstances) -> Single:
    """Everything that speaks against approving, in the order of `judge`."""
    risk = known.risk
    rate = _rate(asked)
    row = _row(known, asked, found, rate)
    causes: list[SingleCause] = []
    open_rules: list[str] = []
    limit = _capacity(known, row, causes)
    row[GRANTED] = _judged(risk, asked.amount, limit)
    causes += _rules(risk, row, open_rules)
    causes += _amount(risk, asked.amount, limit)
    causes += _terms(risk, asked, rate)
    causes += _score(risk, known.score)
    causes += _context(risk, asked, found, limit)
    # Whoever refused to be decided on by a machine is neither approved nor declined by one.
    severity = 1 if found.automation_refused else max((cause.severity for cause in causes), default=0)
    return Single(severity, tuple(causes), limit, tuple(open_rules))


def _row(known: Known, asked: Application, found: Circumstances, rate: float) -> dict[str, Value]:
    """What rules and capacity look at, None where missing."""
    names = (*known.risk.names, "context.business_date") if known.risk.timed else known.risk.names
    return {name: cleaned(known.model, name, _value(known, asked, found, rate, name)) for name in names}


def _value(known: Known, asked: Application, found: Circumstances, rate: float, name: str) -> Any:
    family, _, field = name.rpartition(".")
    if family == "feature":
        column = known.features.get(field)
        return None if column is None else column[0]
    if family == "request":
        return rate if field == "all_in_rate" else getattr(asked, field)
    if family != "context":
        return getattr(known, name)
    if field == "listed":
        return None if found.lists is None else bool(found.lists)
    if field in SIGNALS:
        return found.signals.get(field)
    # As in arrays, where a column in which nobody refused is left out.
    return getattr(found, field)


def _capacity(known: Known, row: Mapping[str, Value], causes: list[SingleCause]) -> float:
    if (capacity := known.risk.capacity) is None:
        return known.limit
    value = capacity.value(row)
    if value is None:
        causes.append(SingleCause(reasons.CAPACITY_UNKNOWN, 1))
        return known.limit
    most = float(value) if value > 0 else 0.0
    if known.risk.edition > 1:
        most = money(most)
    limit = known.limit if known.limit < most else most
    if limit <= 0 and known.limit > 0:
        causes.append(SingleCause(reasons.NO_CAPACITY, 1, terms_in(capacity.names) - AMOUNT))
    return limit


def _rules(risk: RiskPolicy, row: Mapping[str, Value], open_rules: list[str]) -> Iterator[SingleCause]:
    for rule in risk.rules:
        value = rule.test(row)
        timed = rule.first_day is not None or rule.last_day is not None
        if timed and not rule.holds_on(row["context.business_date"]):  # type: ignore[arg-type]
            continue
        if value is True:
            severity = 2 if rule.outcome == "decline" else 1
            yield SingleCause(rule.reason, severity, terms_in(rule.names))
        elif value is None:
            open_rules.append(rule.id)
            if reviews_open(risk, rule):
                yield SingleCause(rule.open_reason, 1, terms_in(rule.names))


def _judged(risk: RiskPolicy, amount: float | None, limit: float) -> float | None:
    """The amount that rules look at: whoever names none is granted the whole limit."""
    if risk.edition > 1 and (amount is None or isnan(amount)):
        return number(limit)
    return number(amount)


def _amount(risk: RiskPolicy, amount: float | None, limit: float) -> Iterator[SingleCause]:
    if amount is None or amount != amount:
        return
    if not 0 < amount < inf:
        yield SingleCause(reasons.AMOUNT_INVALID, 1)
    elif amount > limit:
        yield SingleCause(reasons.AMOUNT_OVER_LIMIT, 1, limited_by(risk))


def _terms(risk: RiskPolicy, asked: Application, rate: float) -> Iterator[SingleCause]:
    if (price := risk.price) is not None:
        stated = any(one is not None and one == one for one in (asked.annual_rate, asked.fees))
        if isnan(rate) and (price.required or stated):
            yield SingleCause(reasons.PRICE_UNKNOWN, 1)
        if rate > price.ceiling:
            yield SingleCause(reasons.PRICE_OVER_CEILING, 2 if price.over == "decline" else 1, PRICED)
    if (purposes := risk.purposes) is not None:
        if asked.purpose is None:
            if purposes.required:
                yield SingleCause(reasons.PURPOSE_UNKNOWN, 1)
        elif not purposes.permits(asked.purpose):
            yield SingleCause(reasons.PURPOSE_NOT_ALLOWED, 2 if purposes.otherwise == "decline" else 1, PURPOSE)


def _score(risk: RiskPolicy, score: float) -> Iterator[SingleCause]:
    if score < risk.decline_below:
        yield SingleCause(reasons.SCORE_UNDER_DECLINE, 2)
    elif score < risk.review_below:
        yield SingleCause(reasons.SCORE_UNDER_REVIEW, 1)


def _context(risk: RiskPolicy, asked: Application, found: Circumstances, limit: float) -> Iterator[SingleCause]:
    if found.paused:
        yield SingleCause(reasons.PAUSED, 1)
    if found.automation_refused:
        yield SingleCause(reasons.AUTOMATION_REFUSED, OVERRULES)
    if found.consented is False:
        yield SingleCause(reasons.CONSENT_MISSING, 1)
    if "unknown" in found.consents.values():
        yield SingleCause(reasons.CONTEXT_UNKNOWN, 1)
    if risk.lists:
        yield from _listed(risk, found.lists)
    if risk.signals:
        yield from _signals(risk, found.signals)
    for quota in risk.quotas:
        yield from _quota(risk, quota, asked, found.used, limit)


def _listed(risk: RiskPolicy, lists: frozenset[str] | None) -> Iterator[SingleCause]:
    if lists is None:
        yield SingleCause(reasons.CONTEXT_UNKNOWN, 1)
        return
    for name, outcome in risk.lists.items():
        if name in lists:
            yield SingleCause(reasons.ON_LIST, 2 if outcome == "decline" else 1)


def _signals(risk: RiskPolicy, signals: Mapping[str, str]) -> Iterator[SingleCause]:
    results = [signals.get(name) for name in risk.signals]
    if "failed" in results:
        yield SingleCause(reasons.SIGNAL_FAILED, 1)
    elif any(one != "passed" for one in results):
        yield SingleCause(reasons.SIGNAL_MISSING, 1)


def _quota(
    risk: RiskPolicy, quota: Quota, asked: Application, used: Mapping[str, float], limit: float
) -> Iterator[SingleCause]:
    if quota.purpose is not None and asked.purpose != quota.purpose:
        return
    so_far = used.get(quota.id, nan)
    if isnan(so_far):
        yield SingleCause(reasons.CONTEXT_UNKNOWN, 1)
    # Whoever names no amount is granted the whole limit.
    amount = limit if asked.amount is None or isnan(asked.amount) else asked.amount
    more = amount if quota.of == "amount" else 1.0
    if exceeds(risk, so_far, more, quota):
        yield SingleCause(reasons.QUOTA_REACHED, 1, spent_by(quota))


def _rate(asked: Application) -> float:
    """The all-in rate, NaN where the price was not stated in full."""
    if asked.annual_rate is None or asked.term_months is None:
        return nan
    amount = nan if asked.amount is None else float(asked.amount)
    return all_in_rate(amount, float(asked.term_months), float(asked.annual_rate), _finite(asked.fees))


def _finite(value: float | None) -> float:
    return 0.0 if value is None else float(np.nan_to_num(value))
