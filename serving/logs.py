"""Log lines as JSON, one a line, with named facts only: nothing that an applicant sent."""

import json
import logging
import sys
from datetime import UTC, datetime

# Only these facts are written: what is not on this list, such as an entity or an amount, cannot slip into a log.
FACTS = ("portfolio", "release", "before", "fault", "route", "status", "error", "pid", "url", "seconds", "code")
OURS = "lendloop"
SERVER = ("uvicorn", "uvicorn.error")
START = "Traceback "


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback is left out but for the error's class, because the values in it may be personal."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record),
            "process": record.process,
        }
        facts = {name: getattr(record, name) for name in FACTS if getattr(record, name, None) is not None}
        if "error" not in facts and record.exc_info and record.exc_info[0] is not None:
            facts["error"] = record.exc_info[0].__name__
        return json.dumps({**line, **facts}, default=str)


def log_to_stderr() -> None:
    """Send what Lendloop, its server and its libraries log or warn of to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    ours, everyone = logging.getLogger(OURS), logging.getLogger()
    for logger in (ours, everyone):
        logger.handlers = [handler]
    ours.propagate = False
    ours.setLevel(logging.INFO)
    for name in SERVER:  # they may have handlers of their own, and BentoML silences those that were there before it
        server = logging.getLogger(name)
        server.handlers, server.propagate, server.disabled = [], True, False
    logging.captureWarnings(True)


def _event(record: logging.LogRecord) -> str:
    """What happened; of another's lines the first alone, as those that follow quote values and code."""
    text = record.getMessage()
    if record.name.split(".")[0] == OURS:
        return text
    lines = text.strip().splitlines() or [""]
    # A start or an end that failed is told as a traceback, whose last line begins with the class of the error.
    return lines[-1].partition(":")[0] if lines[0].startswith(START) else lines[0].rstrip(": ")
