"""Progress as a person sees it in a terminal."""

import time

from rich.console import Console
from rich.status import Status

COLOURS = {"ok": "green", "yellow": "yellow", "orange": "dark_orange", "red": "bold red"}
"""How an alert level is shown."""

console = Console()
errors = Console(stderr=True)


class StepLines:
    """A spinner for the running step, and one line for each that is done."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._since = 0.0
        self._step = ""

    def started(self, step: str) -> None:
        """Show a spinner for `step`."""
        self._since, self._step = time.monotonic(), step
        self._stop()
        self._status = errors.status(step)
        self._status.start()

    def noted(self, message: str) -> None:
        """Show `message` beside the spinner."""
        if self._status is not None:
            self._status.update(f"{self._step}: {message}")

    def finished(self, step: str, summary: str) -> None:
        """Replace the spinner by a line."""
        self._stop()
        errors.print(
            f"[green]✓[/] {step:<12} {summary} [dim]({time.monotonic() - self._since:.1f} s)[/]", highlight=False
        )

    def __enter__(self) -> "StepLines":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
