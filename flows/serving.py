"""`lendloop serve`: the decision service in the foreground, and the end of one that a deploy left running."""

import os
from pathlib import Path

from flows.deploy import launch_of
from flows.terminal import console
from infra.settings import Settings
from serving.deployment import serve, status, stop
from serving.launch import ServiceError
from serving.pointers import pointed_portfolios


def serve_here(*, replay: bool) -> None:
    """Serve the champions until Ctrl-C or SIGTERM."""
    if replay:
        os.environ["LENDLOOP_REPLAY"] = "true"
    settings = Settings()
    _refuse_nothing(settings)
    console.print("building the Bento and starting the workers …")
    serve(launch_of(settings), lambda note: console.print(f"serving on [cyan]{note.url}[/]; Ctrl-C stops it"))


def _refuse_nothing(settings: Settings) -> None:
    """A home that holds neither a registry nor a release has nothing to serve: told at once, and nothing is made."""
    scheme, _, file = settings.mlflow_url.partition(":///")
    if scheme == "sqlite" and not Path(file).exists() and not pointed_portfolios(settings.releases):
        raise ServiceError(f"{settings.home}: there is no release to serve; make one with `lendloop run month`")


def stop_service() -> None:
    """Stop the service that runs on this home."""
    home = Settings().root()
    running = status(home)
    if running is None or not stop(home):
        console.print("no service runs on this home")
    else:
        console.print(f"stopped the service at {running.url}")
