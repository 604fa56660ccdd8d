"""Register the flows with a Prefect server: the month monthly; ingest, materialize and monitor daily, in that order."""

import asyncio
import os

from features.portfolio import list_portfolios, open_portfolio
from flows.prefect_server import quiet_environment
from flows.terminal import console
from infra.settings import Settings

POOL = "lendloop"
# The month closes after midnight UTC of its last day. Each business day's data is brought in and materialized before it
# is watched: a decision of the day needs the day's features. A run that starts while another works waits for its lock.
CRONS = {
    "month": "30 1 1 * *",
    "ingest": "0 3 * * *",
    "materialize": "0 4 * * *",
    "monitor": "0 5 * * *",
}


class NoServer(RuntimeError):
    """There is no Prefect server to register with."""


def register(portfolios: list[str] | None, api: str) -> None:
    """Create or update the deployments of each portfolio: `month` monthly, the others daily."""
    settings = Settings()
    url = api or settings.prefect_api
    if not url:
        raise NoServer(
            "no Prefect server is configured: start one with `prefect server start --host 127.0.0.1` and set "
            "LENDLOOP_PREFECT_API=http://127.0.0.1:4200/api, or give --api"
        )
    names = [
        open_portfolio(settings.portfolios, name).name for name in portfolios or list_portfolios(settings.portfolios)
    ]
    os.environ.update(quiet_environment(settings) | {"PREFECT_API_URL": url})
    registered = asyncio.run(_apply_all(names, url))
    for name in registered:
        console.print(f"[green]✓[/] {name}", highlight=False)
    console.print(f"Start a worker beside the data: [cyan]PREFECT_API_URL={url} prefect worker start --pool {POOL}[/]")


async def _apply_all(names: list[str], url: str) -> list[str]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    try:
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    except ObjectAlreadyExists:
        pass
    except Exception as error:
        raise NoServer(f"the Prefect server at {url} does not answer: {error}; start it, or check the URL") from error
    return [await _apply(name, part, cron) for name in names for part, cron in CRONS.items()]


async def _apply(portfolio: str, part: str, cron: str) -> str:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.deployments.runner import EntrypointType  # type: ignore[attr-defined]
    from prefect.schedules import Cron

    from flows.running import load_flow

    deployment = await load_flow(part).ato_deployment(  # type: ignore[attr-defined]
        name=portfolio,
        parameters={"portfolio": portfolio},
        schedule=Cron(cron, timezone="UTC"),
        # Runs missed while a worker was down would all start at once: keep the first, cancel the rest.
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        work_pool_name=POOL,
        entrypoint_type=EntrypointType.MODULE_PATH,
        tags=["lendloop", portfolio],
    )
    await deployment.aapply()
    return f"{part}/{portfolio}  {cron} (UTC)"
