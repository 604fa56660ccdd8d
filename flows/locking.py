"""One run at a time for each portfolio on a machine; a killed run's lock is released by the kernel."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from infra.settings import Settings


class PortfolioBusy(RuntimeError):
    """Another run works on the portfolio; the message says which process."""


@contextmanager
def exclusive(settings: Settings, portfolio: str) -> Iterator[None]:
    """Hold the portfolio's lock for the length of a `with` block, or raise `PortfolioBusy` at once."""
    folder = settings.root() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{portfolio}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            message = f"another run (process {holder}) works on {portfolio}; wait for it, or end it, and run this again"
            raise PortfolioBusy(message) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
