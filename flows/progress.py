"""Progress of long work: bodies report what they do, the command that runs them decides how it is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Listener(Protocol):
    """Whoever shows progress; a terminal, a log, or nobody."""

    def started(self, step: str) -> None:
        """A step begins."""

    def noted(self, message: str) -> None:
        """The running step says what it is at."""

    def finished(self, step: str, summary: str) -> None:
        """A step is done; `summary` is one line for a person."""


class Silence:
    """Shows nothing."""

    def started(self, step: str) -> None:
        """Show nothing."""

    def noted(self, message: str) -> None:
        """Show nothing."""

    def finished(self, step: str, summary: str) -> None:
        """Show nothing."""


_listener: Listener = Silence()


def note(message: str) -> None:
    """Say what the running step is at."""
    _listener.noted(message)


def noting(prefix: str) -> Callable[[str], None]:
    """A callback that notes every message it is given behind `prefix`."""
    return lambda message: note(f"{prefix}: {message}")


def started(step: str) -> None:
    """Say that a step begins."""
    _listener.started(step)


def finished(step: str, summary: str) -> None:
    """Say that a step is done, and with what result."""
    _listener.finished(step, summary)


@contextmanager
def shown_by(listener: Listener) -> Iterator[None]:
    """Send the progress of everything in a `with` block to `listener`."""
    # One process runs one command at a time, and Prefect may run a step in another thread: so a plain module variable.
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before
