"""Run one flow here and now, with progress in the terminal."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from importlib import import_module

from flows.locking import exclusive
from flows.prefect_server import prefect_api
from flows.progress import shown_by
from flows.steps import LACKING, Summary
from flows.terminal import StepLines, console
from flows.workspace import open_workspace
from infra.settings import Settings

NAMES = ("ingest", "materialize", "retrain", "release", "deploy", "monitor", "month")
_FEATURES, _MODELS = "features.store.store", "training.registry"
AHEAD = {
    "materialize": (_FEATURES,),
    "retrain": (_FEATURES, _MODELS, "training.train"),
    "release": (_MODELS,),
    "deploy": (_MODELS, "serving.deployment"),
    "monitor": (_MODELS,),
    "month": (_FEATURES, _MODELS, "training.train"),
}
"""What a flow needs in any case, much of it by its own module: imported while a Prefect server starts."""


class NothingDone(ValueError):
    """A flow that was run alone had nothing to do; the message says what to do first."""


def load_flow(name: str) -> Callable[[str, date], Awaitable[Summary]]:
    """The Prefect flow `name`: `<name>_flow` in `flows/<name>.py`. Imports Prefect, so its API must be known by now."""
    return getattr(import_module(f"flows.{name}"), f"{name}_flow")  # type: ignore[no-any-return]


def run_flow(name: str, portfolio: str, as_of: date) -> Summary:
    """Run flow `name` for one portfolio and business date, and print its summary."""
    settings = Settings()
    # A wrong name or a broken file should fail before a server is started, and before a month is half done.
    open_workspace(portfolio).read_all()
    with StepLines() as lines, shown_by(lines), exclusive(settings, portfolio):
        lines.started("prefect")
        with prefect_api(settings, lambda: import_ahead(name)) as url:
            lines.finished("prefect", url)
            result = asyncio.run(_await(load_flow(name)(portfolio, as_of)))
    refuse_nothing(name, result)
    console.print(f"[bold]{name}[/] {portfolio} {as_of}: done. Everything is under [cyan]{settings.home}[/]")
    return result


def refuse_nothing(name: str, result: Summary) -> None:
    """Raise `NothingDone` when a flow that a person asked for had nothing to do; a part of a month may have nothing."""
    if LACKING in result:
        raise NothingDone(f"{name}: {result['summary']}; {result[LACKING]}")


def import_ahead(name: str) -> None:
    """Import the flow and the frameworks its first steps would wait for, and none that it does without."""
    load_flow(name)
    for module in AHEAD.get(name, ()):
        import_module(module)


async def _await(running: Awaitable[Summary]) -> Summary:
    return await running
