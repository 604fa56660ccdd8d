"""The Prefect API a command talks to: the one in the settings, or a local server as a child of this process."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from flows.prefect_database import database
from flows.reachable import masked
from infra.disk import MIB, SHORT, free, full, need, says_full
from infra.kept import begin_with
from infra.processes import Child, ChildFailed, free_port, start_child
from infra.settings import Settings

STARTUP_SECONDS = 120.0
ROOM = 16 * MIB
"""Free disk without which no local server is started: its database and its journal take 6 MiB before anything runs."""


class NoPrefect(RuntimeError):
    """The Prefect server of the settings does not answer."""


def quiet_environment(settings: Settings) -> dict[str, str]:
    """Variables every Prefect process of ours runs with: our own home, JSON results, no telemetry, no tracebacks."""
    return {
        "PREFECT_HOME": str(settings.root() / "prefect"),
        "PREFECT_PROFILES_PATH": str(settings.root() / "prefect" / "profiles.toml"),
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "true",
        "BENTOML_DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


@contextmanager
def prefect_api(settings: Settings, meanwhile: Callable[[], object] = int) -> Iterator[str]:
    """Point this process at a Prefect API for the length of a `with` block; yields the API's URL.

    Must be entered before `prefect` is imported, since Prefect reads its settings once. `meanwhile` is called while a
    local server starts: both take seconds, and there are two cores.
    """
    os.environ.update(quiet_environment(settings))
    if settings.prefect_api:
        refuse_silence(settings.prefect_api, "LENDLOOP_PREFECT_API", "; unset it, and each run starts its own")
        os.environ |= _address(settings.prefect_api)
        meanwhile()
        yield settings.prefect_api
        return
    need(settings.root(), ROOM)
    child, url = start_server(settings)
    try:
        os.environ |= _address(url)
        meanwhile()
        wait_until_healthy(child, url, settings.root())
        yield url
    finally:
        send_what_is_left()
        child.stop()


def _address(url: str) -> dict[str, str]:
    """Where Prefect's clients look; over plain HTTP each of them would read the system's certificates for nothing."""
    plain = {"PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "true"} if url.startswith("http://") else {}
    return {"PREFECT_API_URL": url, **plain}


def wait_until_healthy(child: Child, url: str, home: Path) -> None:
    """Wait for the local server; one that ends on a full disk ends in the system's own error of it."""
    try:
        child.wait_until(lambda: is_healthy(url), what="the local Prefect server", timeout=STARTUP_SECONDS)
    except ChildFailed:
        # Its log may be cut short, and a database it did not finish may have been given back since: either tells.
        if says_full(child.said()) or free(home) < SHORT:
            raise full(home) from None
        raise


def refuse_silence(url: str, given_by: str, otherwise: str = "") -> None:
    """Raise `NoPrefect` when nothing answers at `url`: Prefect would try for long, and say less."""
    try:
        urllib.request.urlopen(f"{url}/health", timeout=STARTUP_SECONDS / 10).close()  # the address is our own setting
    except urllib.error.HTTPError:
        return  # it answers; what it refuses, Prefect tells
    except (OSError, ValueError, HTTPException):
        raise NoPrefect(
            f"{given_by}: no Prefect server answers at {masked(url)}; expected an address such as "
            f"http://127.0.0.1:4200/api; start it or correct the address{otherwise}"
        ) from None


def send_what_is_left(seconds: float = 5) -> None:
    """Let Prefect's background senders deliver their last log lines and events while their server still answers."""
    if "prefect" not in sys.modules:
        return
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for sender in (APILogWorker, EventsWorker):
        sender.drain_all(timeout=seconds)


def start_server(settings: Settings) -> tuple[Child, str]:
    """Start a Prefect server on a free loopback port; returns at once, before it answers."""
    begin_with("prefect", database(settings))
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    variables = {
        **os.environ,
        **quiet_environment(settings),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
    }
    return start_child(command, log=settings.root() / "logs" / "prefect.log", env=variables), url


def is_healthy(url: str) -> bool:
    """Whether the Prefect API at `url` answers."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:  # the address is our own setting
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
