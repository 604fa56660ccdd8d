"""`lendloop retrain-all`: every model of several portfolios, each a Prefect task of its own, side by side on Ray."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.cluster import task_runner
from flows.locking import exclusive
from flows.prefect_server import prefect_api
from flows.retrain import retrain_model
from flows.steps import KEPT, Summary
from flows.terminal import console
from flows.workspace import open_workspace
from infra.settings import Settings


def retrain_all(portfolios: Sequence[str], as_of: date) -> None:
    """Retrain every model of the portfolios on what was known at `as_of`, and print what came of each."""
    settings = Settings()
    models = [(name, model) for name in dict.fromkeys(portfolios) for model in open_workspace(name).models.models]
    with ExitStack() as held:
        for name in sorted({name for name, _ in models}):
            held.enter_context(exclusive(settings, name))
        held.enter_context(prefect_api(settings, lambda: None))
        running = retrain_all_flow.with_options(task_runner=task_runner(settings))
        done: dict[str, Summary] = asyncio.run(running(models, as_of))
    for name, summary in done.items():
        console.print(f"{name}: {summary['summary']}")


@flow(name="retrain-all", **KEPT)
async def retrain_all_flow(models: list[tuple[str, str]], as_of: date) -> dict[str, Summary]:
    """Retrain each (portfolio, model) as a task of its own; what fails is told when all others are done."""
    started = [(f"{portfolio}.{model}", train_one.submit(portfolio, model, as_of)) for portfolio, model in models]
    for _, future in started:
        future.wait()
    return {name: future.result() for name, future in started}


@task(task_run_name="train {portfolio}.{model} {as_of}", cache_policy=NO_CACHE, **KEPT)
def train_one(portfolio: str, model: str, as_of: date) -> Summary:
    """Train one model, in whatever process."""
    return retrain_model(open_workspace(portfolio), model, as_of)
