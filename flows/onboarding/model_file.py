"""`models.yaml` of a plan."""

from typing import Any

from flows.onboarding.features_file import GROUPS
from flows.onboarding.plan import OUTCOMES, RECORDS, Plan
from flows.onboarding.yaml_text import Inline, InlineMap, dump

CANDIDATES = (3, 6, 12, 24)
MUCH = 4_000_000
"""Cells (rows times features) from which fewer trees and windows keep a month's training within minutes."""


def models_text(plan: Plan) -> str:
    """The text of `models.yaml`."""
    comment = f"What is predicted, from which service, known when.\n{_windows_told(plan)}"
    return dump({"models": (comment, {plan.request.kind: _model(plan)})})


def _windows_told(plan: Plan) -> str:
    if len(windows(plan)) > 1:
        return "`windows`: months to learn from, chosen on past months."
    if cells(plan) > MUCH:
        why = f"with {cells(plan):,} values each more would train for minutes; name others, and past months choose"
    else:
        why = "the file has labels of too few months for others"
    return f"`windows`: months to learn from. One only, so none is chosen:\n{why}."


def _model(plan: Plan) -> dict[str, Any]:
    fairness = InlineMap({column.feature_name: Inline(column.bands) for column in plan.groups if column.bands})
    model: dict[str, Any] = {
        "kind": plan.request.kind,
        "meaning": f"{plan.label_header} is {plan.outcome.positive!r}, known at {plan.request.matures}",
        "service": plan.request.kind,
        "groups": GROUPS if plan.groups else None,
        "observations": RECORDS,
        "label": InlineMap(kind="recorded", table=OUTCOMES, column=plan.label, equals=True),
        "monotone": {},
        "windows": Inline(windows(plan)),
    }
    if cells(plan) > MUCH:
        model["estimator"] = InlineMap(iterations=200, learning_rate=0.08)
    if fairness:
        model["fairness"] = {"bands": fairness}
    return model


def windows(plan: Plan) -> list[int]:
    """Candidate months to learn from that the file can support, at most two."""
    before = min(max(1, plan.months - 1), CANDIDATES[-1])
    fitting = [months for months in CANDIDATES if months < before]
    return [before] if cells(plan) > MUCH or not fitting else [fitting[-1], before]


def cells(plan: Plan) -> int:
    """Values a training set of all rows has."""
    return plan.outcome.known * len(plan.of("feature"))
