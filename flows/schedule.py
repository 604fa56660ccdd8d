"""Register the flows with a Prefect server: the month monthly; ingest, materialize and monitor daily, in that order."""

import asyncio
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from features.portfolio import list_portfolios, open_portfolio
from flows.prefect_server import quiet_environment, refuse_silence
from flows.reachable import masked
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


def with_raw_files(settings: Settings) -> list[str]:
    """All portfolios but those whose raw files a command makes and has not made here."""
    names = list_portfolios(settings.portfolios)
    opened = [open_portfolio(settings.portfolios, name, made=settings.made) for name in names]
    return [one.name for one in opened if one.features.made_by is None or one.data.is_dir()]


def register(portfolios: list[str] | None, api: str) -> None:
    """Create or update the deployments of each portfolio: `month` monthly, the others daily."""
    settings = Settings()
    url = api or settings.prefect_api
    if not url:
        raise NoServer(
            "no Prefect server is configured: start one with `prefect server start --host 127.0.0.1` and set "
            "LENDLOOP_PREFECT_API=http://127.0.0.1:4200/api, or give --api"
        )
    names = [open_portfolio(settings.portfolios, name).name for name in portfolios or with_raw_files(settings)]
    refuse_silence(url, "--api" if api else "LENDLOOP_PREFECT_API")
    os.environ.update(quiet_environment(settings) | {"PREFECT_API_URL": url})
    # Prefect makes this folder itself only where its parent is there, and else warns.
    (settings.root() / "prefect").mkdir(parents=True, exist_ok=True, mode=0o700)
    registered = asyncio.run(_apply_all(names, url, job(settings)))
    for name in registered:
        console.print(f"[green]✓[/] {name}", highlight=False)
    _tell_worker(settings, url)


def job(settings: Settings) -> dict[str, Any]:
    """How a worker runs a flow: here, by this Python, with these settings; secrets it must have of its own.

    Prefect keeps this in its database and shows it. By itself a worker would run a flow in a temporary folder, where
    relative paths lead nowhere.
    """
    paths = {"LENDLOOP_HOME": settings.root(), "LENDLOOP_PORTFOLIOS": settings.portfolios.resolve()}
    open_settings = {name: value for name, value in settings.variables().items() if name not in settings.secrets()}
    variables = quiet_environment(settings) | open_settings | {name: str(path) for name, path in paths.items()}
    # Nobody sits at a worker's terminal: there, its runs may say what went wrong.
    del variables["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"]
    return {
        "command": f"{shlex.quote(sys.executable)} -m prefect.engine",
        "working_dir": str(Path.cwd()),
        "env": variables,
    }


def _tell_worker(settings: Settings, url: str) -> None:
    worker = Path(sys.executable).with_name("prefect")
    command = f"PREFECT_API_URL={masked(url)} {shlex.quote(str(worker))} worker start --pool {POOL}"
    console.print(f"Start a worker on this machine: [cyan]{command}[/]", soft_wrap=True, highlight=False)
    if secrets := sorted(settings.secrets()):
        console.print(f"Set there too, as secrets are not given to Prefect: {', '.join(secrets)}", soft_wrap=True)


async def _apply_all(names: list[str], url: str, variables: dict[str, Any]) -> list[str]:
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
    return [await _apply(name, part, cron, variables) for name in names for part, cron in CRONS.items()]


async def _apply(portfolio: str, part: str, cron: str, variables: dict[str, Any]) -> str:
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
        job_variables=variables,
        entrypoint_type=EntrypointType.MODULE_PATH,
        tags=["lendloop", portfolio],
    )
    await deployment.aapply()
    return f"{part}/{portfolio}  {cron} (UTC)"
