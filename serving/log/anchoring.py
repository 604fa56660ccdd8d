"""Anchors the log while a service runs: after so many links, or so many seconds, whichever comes first."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from serving.log.anchors import AnchorBroken, Anchors
from serving.log.database import LogUnavailable
from serving.log.decision_log import DecisionLog

LINKS = 1000
SECONDS = 60.0
LOOK_SECONDS = 5.0

_log = logging.getLogger("lendloop.anchors")


class Anchoring:
    """A thread that anchors; several workers may run it, one of them writes each anchor."""

    def __init__(
        self,
        log: DecisionLog,
        anchors: Anchors,
        now: Callable[[], datetime],
        *,
        look: float = LOOK_SECONDS,
        links: int = LINKS,
        seconds: float = SECONDS,
    ) -> None:
        self._links, self._seconds = links, seconds
        self._log, self._anchors, self._now, self._look = log, anchors, now, look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="anchors", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Anchor once more, and end."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        number, waited = 0, self._seconds
        while not self._stop.wait(self._look):
            waited += self._look
            try:
                head = self._log.head()
                if head.number - number >= self._links or (head.number > number and waited >= self._seconds):
                    self._anchors.append(head, self._now())
                    number, waited = head.number, 0.0
            except (LogUnavailable, AnchorBroken, OSError) as error:
                # Decisions go on: the next anchor covers what this one would have.
                _log.error("the log's head could not be anchored", extra={"error": type(error).__name__})
        try:
            self._anchors.append(self._log.head(), self._now())
        except (LogUnavailable, AnchorBroken, OSError) as error:
            _log.error("the log's head could not be anchored", extra={"error": type(error).__name__})
