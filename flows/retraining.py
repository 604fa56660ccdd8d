"""`lendloop retrain-all`: the flow of that name, for several portfolios at once."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from importlib import import_module

from flows.cluster import task_runner
from flows.locking import exclusive
from flows.prefect_server import prefect_api
from flows.steps import Summary
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
        # Prefect reads its settings when it is imported.
        flow = import_module("flows.retrain_all").retrain_all_flow.with_options(task_runner=task_runner(settings))
        done: dict[str, Summary] = asyncio.run(flow(models, as_of))
    for name, summary in done.items():
        console.print(f"{name}: {summary['summary']}")
