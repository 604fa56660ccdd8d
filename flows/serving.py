"""`lendloop serve`: the decision service in the foreground, and the end of one that a deploy left running."""

import os
from pathlib import Path

from flows.hints import month_command
from flows.launching import launch_of
from flows.terminal import console
from infra.settings import Settings
from serving.deployment import serve, status, stop
from serving.launch import ServiceError
from serving.pointers import pointed, pointed_portfolios, pointer
from serving.release import ReleaseError, verify_release


def serve_here(*, replay: bool) -> None:
    """Serve the champions until Ctrl-C or SIGTERM."""
    if replay:
        os.environ["LENDLOOP_REPLAY"] = "true"
    settings = Settings()
    _refuse_nothing(settings)
    _mend(settings)
    console.print("building the Bento and starting the workers …")
    serve(launch_of(settings), lambda note: console.print(f"serving on [cyan]{note.url}[/]; Ctrl-C stops it"))


def _refuse_nothing(settings: Settings) -> None:
    """A home that holds neither a registry nor a release has nothing to serve: told at once, and nothing is made."""
    scheme, _, file = settings.mlflow_url.partition(":///")
    if scheme == "sqlite" and not Path(file).exists() and not pointed_portfolios(settings.releases):
        raise ServiceError(f"{settings.home}: there is no release to serve; make one with {month_command('NAME')}")


def _mend(settings: Settings) -> None:
    """Forget a pointer to a damaged release: the follower fetches the champion whole, and points to it again.

    Workers only load what is pointed to, and would never become ready by damaged files.
    """
    if status(settings.root()) is not None:
        return
    for portfolio in pointed_portfolios(settings.releases):
        try:
            if sha := pointed(settings.releases, portfolio):
                verify_release(settings.releases / sha)
        except ReleaseError as error:
            console.print(f"[yellow]damaged[/]: {error}; the champion of {portfolio} is taken from the registry")
            pointer(settings.releases, portfolio).unlink()


def stop_service() -> None:
    """Stop the service that runs on this home."""
    home = Settings().root()
    running = status(home)
    if running is None or not stop(home):
        console.print("no service runs on this home")
    else:
        console.print(f"stopped the service at {running.url}")
