"""Flow `monitor`: a day's metrics; at a month's end drift, performance, fairness, reports and alerts."""

from datetime import date, timedelta

import polars as pl
from prefect import flow

from features.calendar import cutoff, month_end
from flows.business_date import business_date, run_name
from flows.month_inputs import month_inputs
from flows.progress import note
from flows.reporting import report_path
from flows.served import Served, served_in_month
from flows.steps import KEPT, Summary, as_task, lacks_release, nothing
from flows.trials import month_of_trial, shadow_of, stops_of_day
from flows.workspace import Workspace, open_workspace
from monitoring.alerts import Verdict
from monitoring.day import daily
from monitoring.facts import MonthFacts, to_json, write
from monitoring.metric import Metric, worst
from monitoring.month import monthly
from serving.log.export import export_log
from serving.log.frames import read_decisions
from serving.pauses import Pause
from serving.reviews.board import open_board

LOOK_BACK = timedelta(days=400)
"""Decisions older than this have matured in an earlier month."""


def monitor(portfolio: str, as_of: date) -> Summary:
    """Keep the day's rows; on the last day of a month also the month's, with a report for each model."""
    workspace = open_workspace(portfolio)
    until = cutoff(as_of)
    export_log(workspace.log, workspace.settings.lake)
    decisions = read_decisions(workspace.log, portfolio, until - LOOK_BACK, until)
    served = served_in_month(workspace, decisions, as_of)
    if served is None:
        return nothing("no release has served yet: nothing to watch", lacks_release(portfolio, as_of)) | {"level": "ok"}
    _end_reviews(workspace, served, as_of)
    verdicts = [_day(workspace, served, name, decisions, as_of) for name in served.release.models]
    verdicts += [stops] if (stops := stops_of_day(workspace, as_of)) else []
    if as_of == month_end(as_of):
        shadow = shadow_of(workspace, until - LOOK_BACK, until)
        verdicts += [_month(workspace, served, name, decisions, shadow, as_of) for name in served.release.models]
    told = carry_out(workspace, as_of, verdicts)
    return told if len(decisions) else {**told, "summary": f"{told['summary']}; no traffic yet"}


def _end_reviews(workspace: Workspace, served: Served, as_of: date) -> None:
    """What nobody decided in time ends, whether anybody looks at it or not."""
    board = open_board(workspace.settings.decision_log_url, workspace.log)
    try:
        board.expire(workspace.name, served.release.policy.reviews, cutoff(as_of))
    finally:
        board.close()


def _day(workspace: Workspace, served: Served, name: str, decisions: pl.DataFrame, as_of: date) -> Verdict:
    day = daily(
        portfolio=workspace.name,
        model=name,
        kind=workspace.models.models[name].kind,
        as_of=as_of,
        release=served.release.sha,
        decisions=decisions.filter(pl.col("model") == name),
        spec=workspace.monitoring,
        history=workspace.metrics.history(workspace.name, as_of, period="day"),
    )
    workspace.metrics.write(day.rows)
    return day.verdict


def _month(
    workspace: Workspace, served: Served, name: str, decisions: pl.DataFrame, shadow: pl.DataFrame, as_of: date
) -> Verdict:
    note(f"{name}: drift, performance and fairness")
    inputs = month_inputs(workspace, served, name, decisions, as_of)
    month = monthly(inputs)
    trial, beside = month_of_trial(workspace, inputs, shadow) or (None, [])
    workspace.metrics.write([*month.rows, *beside])
    note(f"{name}: report")
    _write_report(month.facts.model_copy(update={"trial": trial}), workspace, as_of)
    return month.verdict


def _write_report(facts: MonthFacts, workspace: Workspace, as_of: date) -> None:
    from monitoring.reports import write_report

    path = report_path(workspace.settings.reports, workspace.name, as_of, facts.model)
    write_report(facts, path.with_suffix(".html"))
    write(to_json(facts), path.with_suffix(".json"))


def carry_out(workspace: Workspace, as_of: date, verdicts: list[Verdict]) -> Summary:
    """A red verdict pauses automatic approval until a person lifts it; the same verdict again pauses nothing more."""
    level = worst(verdict.level for verdict in verdicts)
    raised = [row for verdict in verdicts for row in verdict.raised]
    for row in (row for row in raised if row.level == "red"):
        cause = f"{row.model} {row.period} {row.name} {row.segment}".strip()
        reason = f"{row.name} {row.segment} is {row.value:.3f}".replace("  ", " ")
        workspace.pauses.set_pause(Pause(workspace.name, as_of, cause, reason, "monitoring", cutoff(as_of)))
    alerts = [f"{row.level}: {row.name} {row.segment}".strip() for row in raised]
    told = sorted({name for verdict in verdicts for name in verdict.told})
    silent = "".join(f"; no rows for {row.model} this month" for row in raised if _is_silent(row))
    shown = f"{level}, {len(alerts)} alerts{silent}" if alerts else level
    return {"summary": shown, "level": level, "alerts": alerts, "told": told}


def _is_silent(row: Metric) -> bool:
    return row.name == "rows_to_usual" and row.value == 0


@flow(name="monitor", flow_run_name=run_name, **KEPT)
async def monitor_flow(portfolio: str, as_of: date | None = None) -> Summary:
    """Watch the business date `as_of` (UTC), and the month it ends."""
    return as_task(monitor, portfolio, business_date(as_of))
