"""The demo: the months of the two real portfolios replayed side by side, served over HTTP, watched and retrained."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from features.calendar import month_ends
from flows.demo_view import show_end
from flows.hints import month_command
from flows.locking import exclusive
from flows.prefect_server import prefect_api
from flows.side_by_side import SideBySide
from flows.terminal import console, errors
from infra.processes import free_port
from infra.settings import Settings


@dataclass(frozen=True)
class Months:
    """Which months of a portfolio are replayed: the first only trains the release that is frozen."""

    first: date
    last: date
    sample: int = 320

    @property
    def ends(self) -> list[date]:
        """The last day of each."""
        return month_ends(self.first, self.last)


REPLAYS = {
    # The first date at which two months of labels are known: one to learn from, one to test on.
    "taiwan_cards": Months(date(2005, 6, 30), date(2005, 9, 30)),
    "bank_deposits": Months(date(2009, 4, 30), date(2010, 11, 30)),
}


YIELDING = 5
"""Niceness of a replay that others wait for less."""
PROJECT = Path(__file__).resolve().parent.parent


THE_DEMO = "the demo"
"""The name under which a demo holds its home; no portfolio can have it."""


class ServiceRuns(RuntimeError):
    """Somebody runs a service on the demo's home."""


class NoReplay(ValueError):
    """The demo does not know the months of a portfolio."""


def run_demo(portfolios: list[str], months: int) -> None:
    """Replay the portfolios month by month and leave reports and plots of what happened."""
    unknown = [name for name in portfolios if name not in REPLAYS]
    if unknown:
        others = f"run others with {month_command(unknown[0])}"
        raise NoReplay(f"the demo replays {sorted(REPLAYS)}; found {unknown}; {others}")
    with exclusive(Settings(), THE_DEMO):
        _run(portfolios, months)


def _run(portfolios: list[str], months: int) -> None:
    since = time.monotonic()
    settings = _settings()
    console.print(f"[bold]Lendloop[/] replays {', '.join(portfolios)}; everything goes to {settings.home}")
    _stamp(settings)
    # All wait for the one with the most months: the others let it go first.
    longest = max(portfolios, key=lambda name: len(REPLAYS[name].ends))
    commands = {
        name: (sys.executable, "-m", "flows.replaying", name, str(months), str(0 if name == longest else YIELDING))
        for name in portfolios
    }
    replays = SideBySide(commands, settings.root() / "logs")
    with _servers(settings, replays):
        ends = replays.show()
    show_end(settings, ends, time.monotonic() - since)


def _settings() -> Settings:
    """This process's settings, on a port of the demo's own and with decision times taken from the requests."""
    from serving.deployment import status

    # A service that a killed demo left is used again; what somebody else runs on this home is not to answer by replay.
    home = Settings().root()
    left, noted = status(home), home / "demo-port"
    port = left.url.rpartition(":")[2] if left else str(free_port())
    if left and (not noted.exists() or noted.read_text() != port):
        raise ServiceRuns(
            f"a service runs on {home}, at {left.url}; the demo replays months on a service of its own: "
            "`lendloop serve --stop` ends that one, or set LENDLOOP_HOME to another folder"
        )
    home.mkdir(parents=True, exist_ok=True)
    noted.write_text(port)
    os.environ.update({"LENDLOOP_REPLAY": "true", "LENDLOOP_PORT": port})
    return Settings()


def _stamp(settings: Settings) -> None:
    """Say so when the home was made by other code: its months are then trained again, beside the old releases."""
    from serving.bento import code_digest

    stamp = settings.root() / "demo-code"
    now = code_digest(PROJECT)
    if stamp.exists() and stamp.read_text() != now:
        console.print("[yellow]the code has changed since the last demo: `make clean` first gives a clean replay[/]")
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(now)


@contextmanager
def _servers(settings: Settings, replays: SideBySide) -> Iterator[None]:
    from serving.deployment import stop

    with ExitStack() as until_ready:
        until_ready.enter_context(errors.status("starting a local Prefect server"))
        with prefect_api(settings, replays.start):
            until_ready.close()
            try:
                yield
            finally:
                with errors.status("stopping the service"):
                    replays.stop()
                    stop(settings.root())
