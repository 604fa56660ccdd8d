"""`lendloop serve`: the decision service in the foreground, and the end of one that a deploy left running."""

import os

from flows.deploy import launch_of
from flows.terminal import console
from infra.settings import Settings
from serving.deployment import status, stop
from serving.supervisor import serve


def serve_here(*, replay: bool) -> None:
    """Serve the champions until Ctrl-C or SIGTERM."""
    if replay:
        os.environ["LENDLOOP_REPLAY"] = "true"
    settings = Settings()
    console.print("building the Bento and starting the workers …")
    serve(launch_of(settings), on_ready=lambda note: console.print(f"serving on [cyan]{note.url}[/]; Ctrl-C stops it"))


def stop_service() -> None:
    """Stop the service that runs on this home."""
    home = Settings().root()
    running = status(home)
    if running is None or not stop(home):
        console.print("no service runs on this home")
    else:
        console.print(f"stopped the service at {running.url}")
