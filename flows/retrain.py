"""Flow `retrain`: labels and features known at a date → trained, tested, registered models."""

from datetime import date

import polars as pl
from prefect import flow

from features.lake import NoData
from features.permitted import FeatureColumn, select
from features.spec import EVENT
from flows.bringing import brought_model
from flows.business_date import business_date, run_name
from flows.progress import note, noting
from flows.steps import KEPT, Summary, as_task
from flows.workspace import Workspace, open_workspace
from training.digests import inputs_digest
from training.labels import WHOLE, NoLabels, labels
from training.spec import ModelSpec
from training.train import train
from training.trained import TrainingReport


def retrain(portfolio: str, as_of: date) -> Summary:
    """Train every model of the portfolio on what was known at `as_of`; a model that is registered already is kept."""
    workspace = open_workspace(portfolio)
    done = {name: retrain_model(workspace, name, as_of) for name in workspace.models.models}
    return {"summary": "; ".join(result["summary"] for result in done.values()), "models": done}


def training_frame(
    workspace: Workspace, name: str, spec: ModelSpec, as_of: date
) -> tuple[pl.DataFrame, list[FeatureColumn], list[str]]:
    """The labelled rows of a model as known at `as_of`: labels first, then features, then protected groups."""
    tables = {table: _table(workspace, spec, table, as_of) for table in {spec.observations, spec.label.table}}
    known = within_reach(labels(spec, tables, workspace.key, as_of), spec)
    columns = select(workspace.portfolio.features, spec.service)
    groups = [column.name for column in select(workspace.portfolio.features, spec.groups)] if spec.groups else []
    note(f"{name}: features of {known.height:,} labelled rows, as known then")
    services = [spec.service, *([spec.groups] if spec.groups else [])]
    return workspace.store.training_set(known, services, known_by=as_of), columns, groups


def _table(workspace: Workspace, spec: ModelSpec, table: str, as_of: date) -> pl.DataFrame:
    try:
        return workspace.lake.read(workspace.name, "tables", table, as_of=as_of)
    except NoData as error:
        if table == spec.observations:
            raise
        # Ingested or not, no label is known; which of the two, the person sees best.
        raise NoLabels(
            f"no label of {table}.{spec.label.column} is known at {as_of}: no row of {table!r} became known by then; "
            "take a later --as-of, or check in features.yaml and models.yaml when labels mature"
        ) from error


def within_reach(known: pl.DataFrame, spec: ModelSpec) -> pl.DataFrame:
    """The months that the longest window and the whole months it is judged on can reach."""
    months = known.select(pl.col(EVENT).dt.truncate("1mo").alias("month"), WHOLE).unique("month").sort("month")
    reach = max(spec.windows) + spec.validation.months + int((~months[WHOLE]).sum())
    return known.filter(pl.col(EVENT) >= months["month"][max(len(months) - reach, 0)])


def retrain_model(workspace: Workspace, name: str, as_of: date) -> Summary:
    """Train one model of the portfolio, or keep the one that is registered already."""
    spec = workspace.models.models[name]
    brought = brought_model(workspace, name, spec)
    frame, columns, groups = training_frame(workspace, name, spec, as_of)
    if brought is not None:
        columns = list(brought.columns)
    digest = inputs_digest(name, spec, frame, columns, groups, as_of)
    found = workspace.registry.find_model(workspace.name, name, digest)
    if found is None:
        trained = train(name, spec, frame, columns, groups, as_of, brought=brought, progress=noting(name))
        note(f"{name}: registering")
        found = workspace.registry.log_model(workspace.name, trained)
        report, reused = trained.report, False
    else:
        report, reused = workspace.registry.load_model(found).report, True
    workspace.registry.stand(found)
    return {**_described(report), "version": found.version, "run": found.run_id, "reused": reused}


def _described(report: TrainingReport) -> Summary:
    auc, card = report.model.auc.value, report.scorecard.auc.value
    tested = "" if report.held_out_why.startswith(("whole", "a quarter")) else ", tested on a partly labelled month"
    months = months_learned(report.window.months, report.first_month, report.last_month)
    learned = months if report.origin is None else f"learned {report.origin}"
    line = f"{report.name}: AUC {auc:.3f} out of time (scorecard {card:.3f}), {learned}{tested}"
    return {"summary": line, "auc": auc, "scorecard_auc": card, "window": report.window.months, "rows": report.rows}


def months_learned(window: int, first: str, last: str) -> str:
    """The window in words, with the months from `first` to `last` (YYYY-MM) where there were fewer than it holds."""
    (year, month), (until, end) = (map(int, name.split("-")) for name in (first, last))
    there = 12 * (until - year) + end - month + 1
    if there >= window:
        return f"window {window} months"
    return f"{there} month{'s' if there > 1 else ''} ({first} to {last}) of a window of {window}"


@flow(name="retrain", flow_run_name=run_name, **KEPT)
async def retrain_flow(portfolio: str, as_of: date | None = None) -> Summary:
    """Retrain on what was known at `as_of`, a business date (UTC)."""
    return as_task(retrain, portfolio, business_date(as_of))
