"""Flow `materialize`: canonical tables → feature tables → the online store."""

from datetime import date

from prefect import flow

from flows.business_date import business_date, run_name
from flows.progress import note
from flows.steps import Summary, as_task
from flows.workspace import open_workspace


def materialize(portfolio: str, as_of: date) -> Summary:
    """Build the features known at `as_of`, register them and write the new ones to the online store."""
    from features.build import build_features

    workspace = open_workspace(portfolio)
    services = workspace.models.services()
    built = build_features(workspace.portfolio, workspace.lake, as_of, services)
    note("registering features")
    workspace.store.register()
    note("writing to the online store")
    written = workspace.store.materialize(as_of, services)
    return {
        "summary": ", ".join(f"{view.view} {view.rows:,} rows" for view in written),
        "built": [{"view": view.view, "rows": view.rows, "reused": view.reused} for view in built],
        "written": [{"view": view.view, "rows": view.rows, "read_back": view.read_back} for view in written],
    }


@flow(name="materialize", flow_run_name=run_name)
async def materialize_flow(portfolio: str, as_of: date | None = None) -> Summary:
    """Write the features known at `as_of`, a business date (UTC), to the online store."""
    return as_task(materialize, portfolio, business_date(as_of))
