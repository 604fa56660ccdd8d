"""`features.yaml` of a plan."""

from typing import Any

import polars as pl

from flows.onboarding.plan import OBSERVED, OUTCOMES, RECORDS, Plan
from flows.onboarding.treatment import LISTED, Treated
from flows.onboarding.yaml_text import Inline, InlineMap, dump

RECORD_VIEW, GROUPS = "record", "groups"
LEAST_FRESHNESS = 45
"""Days: a month, and time to run it."""


def features_text(plan: Plan) -> str:
    """The text of `features.yaml`."""
    return dump(
        {
            "entity": ("Whom a row is about; lendloop decide and the service name one by this key.", _entity(plan)),
            "tables": (
                "Contracts: rows that break one go to quarantine with the reason. `uses` says what a column may be\n"
                f"used for: {plan.use}, fairness, identity, or nothing ([]). Change it here and nowhere else.",
                {RECORDS: _records(plan), OUTCOMES: _outcomes(plan)},
            ),
            "views": (
                "Features: a transform and its columns. `freshness`: days until a value is too old.",
                _views(plan),
            ),
            "services": ("What each model reads. A column that does not permit the use is refused.", _services(plan)),
        }
    )


def _entity(plan: Plan) -> dict[str, Any]:
    name = "record" if plan.rows.numbered else "entity"
    return {"name": name, "key": plan.key, "type": plan.rows.key_type, "meaning": plan.key_meaning or plan.key}


def _records(plan: Plan) -> dict[str, Any]:
    kept = [column for column in plan.columns if column.content.distinct]
    return {
        "meaning": f"the rows of {plan.request.source.name}, each known from its own time on",
        "columns": {column.name: _column(column) for column in kept},
    }


def _column(column: Treated) -> InlineMap:
    content = column.content
    about = f"{column.header} ({column.why})" if column.role not in ("feature", "protected") else column.header
    written = InlineMap(type=content.type, meaning=about or column.name, uses=Inline(column.uses))
    if content.type in ("int", "float") and (smallest := content.values.min()) is not None and _number(smallest) >= 0:
        written["range"] = Inline([0, None])
    if content.type == "category" and content.distinct <= LISTED and column.role != "leak":
        written["categories"] = Inline(sorted(content.values.drop_nulls().unique().to_list()))
    # Only what the file shows is promised: a column without gaps must not get any unseen.
    written["nullable"] = bool(content.missing)
    return written


def _outcomes(plan: Plan) -> dict[str, Any]:
    event = f"{plan.label_header} is {plan.outcome.positive!r}"
    return {
        "meaning": f"labels, each known from the day it matured on ({plan.request.matures})",
        "unique": False,
        "columns": {
            OBSERVED: InlineMap(type="timestamp", meaning="time of the record the label belongs to", uses=Inline()),
            plan.label: InlineMap(type="bool", meaning=event, uses=Inline()),
        },
    }


def _views(plan: Plan) -> dict[str, Any]:
    views = {RECORD_VIEW: _view(plan, plan.of("feature"))}
    if plan.groups:
        views[GROUPS] = _view(plan, plan.groups)
    return views


def _view(plan: Plan, columns: list[Treated]) -> dict[str, Any]:
    written = {}
    for column in columns:
        feature = column.feature or {}
        written[column.feature_name] = InlineMap(
            {key: Inline(value) if isinstance(value, list) else value for key, value in feature.items()}
        )
    return {"table": RECORDS, "freshness": freshness(plan), "features": written}


def freshness(plan: Plan) -> int:
    """Days a value may be old: what nearly all gaps between two rows of an entity are shorter than, and a month."""
    rows = pl.DataFrame({"key": plan.rows.keys, "event": plan.rows.events}).sort("key", "event")
    gaps = rows.select(pl.col("event").diff().over("key").dt.total_days()).to_series().drop_nulls()
    usual = gaps.quantile(0.95) if len(gaps) else None
    return max(LEAST_FRESHNESS, int(usual or 0) + 31)


def _services(plan: Plan) -> dict[str, Any]:
    services: dict[str, Any] = {plan.request.kind: {"use": plan.use, "views": {RECORD_VIEW: "all"}}}
    if plan.groups:
        services[GROUPS] = {"use": "fairness", "views": {GROUPS: "all"}}
    return services


def _number(value: Any) -> float:
    return float(value)
