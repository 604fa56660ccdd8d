"""`policy.yaml` of a plan: a first policy around the file's own event rate."""

from textwrap import wrap
from typing import Any

import polars as pl

from flows.onboarding.first_limits import first_limits
from flows.onboarding.names import CHINESE, in_chinese, is_chinese
from flows.onboarding.plan import OBSERVED, Plan
from flows.onboarding.treatment import Treated
from flows.onboarding.yaml_text import Inline, InlineMap, dump

WIDEST = 0.15
"""Largest calibration error a first policy allows, and what it allows when the file is too short to tell."""
LEAST_MOVES = 3
LEAST_ROWS = 30
"""Rows of a month from which its rate counts: what chance does to smaller ones, the gate allows for by itself."""


def policy_text(plan: Plan) -> str:
    """The text of `policy.yaml`."""
    parts: dict[str, tuple[str, Any]] = (
        {"risk": _risk(plan)} if plan.request.kind == "risk" else {"propensity": _propensity(plan)}
    )
    if missing := Inline(column.feature_name for column in plan.of("feature") if column.content.missing):
        parts["may_be_missing"] = (
            "Features whose absence the model has learned from; any other one missing: review.",
            [{"because": "the file has rows without it", "features": missing}],
        )
    parts["reasons"] = (
        "What a customer is told. One reason a feature to begin with: join what belongs together, in plain words.",
        {code: _reason(column) for code, column in codes(plan).items()},
    )
    return dump(parts)


def _risk(plan: Plan) -> tuple[str, dict[str, Any]]:
    comment = (
        f"Made from the file's event rate of {plan.outcome.rate:.1%}: an average customer scores about 70, at double\n"
        "the odds of the event it is 60. Set anchors, cut-offs and limits by your own appetite first."
    )
    limit, why = calibration_limit(plan, pd_at_60(plan))
    granted = first_limits(plan)
    return f"{comment}\n{_wrapped(f'Limits: {granted.source}.')}\n{why}", {
        "model": plan.request.kind,
        "scale": InlineMap(pd_at_60=pd_at_60(plan), points_to_double_odds=10),
        "review_below": 60,
        "decline_below": 40,
        "grades": InlineMap(A=85, B=75, C=67, D=60),
        "limits": InlineMap(granted.by_grade),
        "gates": _gates(limit),
    }


def _wrapped(text: str) -> str:
    return "\n".join(wrap(text, 110))


def _propensity(plan: Plan) -> tuple[str, dict[str, Any]]:
    comment = (
        f"Contact whoever is likelier than the file's event rate of {plan.outcome.rate:.1%}. Better: the cost of a\n"
        "contact divided by what a success is worth."
    )
    threshold = round(min(max(plan.outcome.rate, 0.001), 0.99), 4)
    limit, why = calibration_limit(plan, threshold)
    return f"{comment}\n{why}", {"model": plan.request.kind, "contact_from": threshold, "gates": _gates(limit)}


def _gates(calibration: float) -> InlineMap:
    return InlineMap(largest_auc_loss=0.02, largest_calibration_error=calibration, approval_gap_points=5)


def calibration_limit(plan: Plan, cut_off: float) -> tuple[float, str]:
    """The largest calibration error to allow, and the words that say why.

    A quarter of the probability that decisions turn on, or, if that is more, as far as the file's rate moves in nine
    of ten cases between a month and the last one whose labels are known by then: that is the month's, not the model's.
    """
    lag = _months_to_know(plan)
    moves = monthly_rates(plan).diff(lag).drop_nulls().abs()
    begin = "A model's calibration error out of time may be"
    if len(moves) < LEAST_MOVES:
        return WIDEST, f"{begin} {WIDEST:g}, wide: too few months with labels to tell how the rate moves."
    quarter, moved = cut_off / 4, float(moves.quantile(0.9, "linear") or 0.0)
    limit = round(min(max(quarter, moved), WIDEST), 4)
    held = f", held at {WIDEST:g}" if max(quarter, moved) > WIDEST else ""
    return limit, (
        f"{begin} {limit:g}: the larger of a quarter of the cut-off's probability ({quarter:.4f}) and\n"
        f"how far the file's rate moves in the {lag} months it takes to know it, nine times of ten ({moved:.4f}){held}."
    )


def monthly_rates(plan: Plan) -> pl.Series:
    """The event rate of each month that has enough labels, in order."""
    labelled = plan.labelled.group_by(pl.col(OBSERVED).dt.truncate("1mo").alias("month"))
    months = labelled.agg(pl.col(plan.label).cast(pl.Float64).mean().alias("rate"), pl.len().alias("rows"))
    return months.filter(pl.col("rows") >= LEAST_ROWS).sort("month")["rate"]


def _months_to_know(plan: Plan) -> int:
    """Months from the last ones whose labels a model of a month's beginning knows to that month, as labels come."""
    known, seen = plan.known_from.dt, plan.rows.events.dt
    months = (known.year() - seen.year()) * 12 + known.month().cast(pl.Int32) - seen.month()
    return 1 + int(months.quantile(0.5, "higher") or 0)


def pd_at_60(plan: Plan) -> float:
    """The PD at twice the odds of the file's event rate."""
    rate = min(max(plan.outcome.rate, 0.001), 0.95)
    odds = 2 * rate / (1 - rate)
    return round(odds / (1 + odds), 4)


def codes(plan: Plan) -> dict[str, Treated]:
    """A reason code for each feature; never one of the platform's own."""
    from serving.reasons import CAUSES

    found: dict[str, Treated] = {}
    for column in plan.of("feature"):
        code = column.feature_name.upper()
        found[f"{code}_VALUE" if code in CAUSES or code == "OTHER" else code] = column
    return found


def _reason(column: Treated) -> dict[str, Any]:
    """The reason of a feature, by its header in the header's own language and in a sentence of the other."""
    shown = " ".join(column.header.replace("_", " ").replace(".", " ").split()) or column.name
    if is_chinese(shown):
        known = CHINESE.get(shown)
        en, zh = known.replace("_", " ").capitalize() if known else f"What was stated as “{shown}”", shown
    else:
        en, zh = f"{shown[:1].upper()}{shown[1:]}", in_chinese(shown) or f"所填写的“{shown}”一项"
    return {"features": Inline([column.feature_name]), "en": f"{en}.", "zh": f"{zh}。"}
