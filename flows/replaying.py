"""One portfolio's replay as a process, and how it tells what happens.

`python -m flows.replaying PORTFOLIO MONTHS NICENESS`
"""

import json
import os
import signal
import sys
import time
from io import StringIO
from typing import Literal, TextIO

from flows.cli.faults import explain
from flows.demo_view import end_row
from flows.locking import exclusive
from flows.prefect_server import STARTUP_SECONDS, is_healthy, send_what_is_left
from flows.progress import shown_by
from flows.running import import_ahead
from flows.terminal import console
from infra.settings import Settings

Kind = Literal["step", "said", "end", "fault"]
TOLD = "lendloop: "
"""What a line of ours begins with, among those that libraries print."""


class Telling(StringIO):
    """Progress, printed lines and the end of a replay, each as a line of JSON for the process that started it."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self._out = out
        self._step = ""

    def say(self, kind: Kind, what: object) -> None:
        """Say one thing."""
        # The line before may be somebody's half line.
        print(f"\n{TOLD}{json.dumps([kind, what])}", file=self._out, flush=True)

    def write(self, text: str) -> int:
        """Pass on what a console prints for a person."""
        self.say("said", text)
        return len(text)

    def started(self, step: str) -> None:
        """Say what the replay is at."""
        self._step = step
        self.say("step", step)

    def noted(self, message: str) -> None:
        """Say what the step is at."""
        self.say("step", f"{self._step}: {message}")

    def finished(self, step: str, summary: str) -> None:
        """Say nothing: the month's line will."""


def main(portfolio: str, months: int) -> int:
    """Replay the portfolio against the Prefect API in the environment; 1 after a fault, which is told."""
    telling = Telling(sys.stdout)
    console.file = telling
    try:
        with shown_by(telling):
            telling.say("end", _replay(portfolio, months))
    except Exception as error:
        telling.say("fault", explain(error))
        return 1
    return 0


def _replay(portfolio: str, months: int) -> tuple[str, ...]:
    import_ahead("month")
    from flows.demo import REPLAYS
    from flows.replay import leave_plots, replay

    settings = Settings()
    _wait_healthy(os.environ["PREFECT_API_URL"])
    with exclusive(settings, portfolio):
        done = replay(settings, portfolio, REPLAYS[portfolio], months)
        leave_plots(settings, done)
    send_what_is_left()
    return end_row(done)


def _wait_healthy(url: str) -> None:
    """Wait for the server; the process that started it ends this one when it does not become healthy."""
    until = time.monotonic() + STARTUP_SECONDS
    while not is_healthy(url) and time.monotonic() < until:
        time.sleep(0.05)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.nice(int(sys.argv[3]))
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
