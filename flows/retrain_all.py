"""Flow `retrain-all`: every model of several portfolios, each a Prefect task of its own, side by side on Ray."""

from datetime import date

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.retrain import retrain_model
from flows.steps import KEPT, Summary
from flows.workspace import open_workspace


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
