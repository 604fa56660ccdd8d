"""Flow `deploy`: the Bento built and started, switched to the champion and checked."""

from datetime import date

from prefect import flow

from features.calendar import noon
from flows.business_date import business_date, run_name
from flows.launching import launch_of
from flows.locking import exclusive
from flows.observed import newest
from flows.progress import note
from flows.steps import KEPT, Summary, as_task, lacks_release, nothing
from flows.workspace import Workspace, open_workspace
from infra.settings import Settings
from serving.deployment import Started, check, start, switch
from serving.launch import Launch

SERVICE = "the service"
"""The name under which a deploy holds the service; no portfolio can have it."""
SERVICE_SECONDS = 180.0


def deploy(portfolio: str, as_of: date) -> Summary:
    """Have the service run this code, answer with the champion, and give a decision that this process gives too."""
    workspace = open_workspace(portfolio)
    champion = workspace.registry.champion(portfolio)
    if champion is None:
        return nothing("no champion yet: nothing to serve", lacks_release(portfolio, as_of)) | {"release": None}
    # What stands on local disk is mended first: workers only load it, and would never become ready by damaged files.
    workspace.release_folder(champion.sha)
    launch, started = started_service(workspace.settings)
    note("switching to the champion")
    followed = switch(launch, portfolio)
    # One check for each champion, at its own date: a month that is replayed decides nothing new.
    checked = check(
        launch,
        portfolio,
        {"entity_id": _somebody(workspace, champion.as_of)},
        key=f"deploy-{followed.sha}",
        decision_time=noon(champion.as_of) if launch.replay else None,
    )
    how = "running service" if started.reused else "service started"
    return {
        "summary": f"{launch.url} answers with {checked.release[:12]} ({how})",
        "url": launch.url,
        "release": checked.release,
        "bento": launch.bento.name,
        "decision": checked.decision_id,
    }


def started_service(settings: Settings) -> tuple[Launch, Started]:
    """The service of this home, with this code; in turn, as months of several portfolios may be closed at once."""
    with exclusive(settings, SERVICE, wait=SERVICE_SECONDS):
        note("building the Bento")
        launch = launch_of(settings)
        note("starting the service")
        return launch, start(launch)


def _somebody(workspace: Workspace, as_of: date) -> int | str:
    """The entity observed last: one that has features."""
    spec = workspace.models.models[workspace.policy.models[0]]
    found: int | str = newest(workspace, spec.observations, as_of)[workspace.key][-1]
    return found


@flow(name="deploy", flow_run_name=run_name, **KEPT)
async def deploy_flow(portfolio: str, as_of: date | None = None) -> Summary:
    """Deploy the champion of `as_of`, a business date (UTC)."""
    return as_task(deploy, portfolio, business_date(as_of))
