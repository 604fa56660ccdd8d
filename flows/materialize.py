"""Flow `materialize`: canonical tables → feature tables → the online store."""

from datetime import date

from prefect import flow

from features.spec import FeatureSpec
from flows.business_date import business_date, run_name
from flows.cluster import workers_of
from flows.progress import note, noting
from flows.steps import KEPT, Summary, as_task
from flows.workspace import Workspace, open_workspace


def materialize(portfolio: str, as_of: date) -> Summary:
    """Build the features known at `as_of`, register them and write the new ones to the online store."""
    from features.build import build_features

    workspace = open_workspace(portfolio)
    services = needed_services(workspace.portfolio.features, workspace.models.services(), _champions_views(workspace))
    each = workers_of(workspace.settings)
    built = build_features(workspace.portfolio, workspace.lake, as_of, services, each=each)
    note("registering features")
    workspace.store.register()
    written = workspace.store.materialize(as_of, services, noting("writing to the online store"))
    return {
        "summary": ", ".join(f"{view.view} {view.rows:,} rows" for view in written),
        "built": [{"view": view.view, "rows": view.rows, "reused": view.reused} for view in built],
        "written": [{"view": view.view, "rows": view.rows, "read_back": view.read_back} for view in written],
    }


def needed_services(spec: FeatureSpec, named: list[str], served: set[str]) -> list[str]:
    """The services that models.yaml names, and those with a view that the champion still reads.

    A champion trained before a change of models.yaml goes on deciding until the gates let its successor through; its
    views must not grow stale meanwhile.
    """
    lacking = served - set(spec.views_of(named))
    return [*named, *(name for name, service in spec.services.items() if lacking & set(service.views))]


def _champions_views(workspace: Workspace) -> set[str]:
    from serving.manifest import ReleaseFeatures
    from serving.pointers import pointed

    sha = pointed(workspace.settings.releases, workspace.name)
    file = workspace.settings.releases / (sha or "none") / "features.json"
    if not file.is_file():
        return set()
    return {column.view for column in ReleaseFeatures.model_validate_json(file.read_bytes()).columns}


@flow(name="materialize", flow_run_name=run_name, **KEPT)
async def materialize_flow(portfolio: str, as_of: date | None = None) -> Summary:
    """Write the features known at `as_of`, a business date (UTC), to the online store."""
    return as_task(materialize, portfolio, business_date(as_of))
