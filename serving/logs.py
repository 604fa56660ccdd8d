"""Log lines as JSON, one a line, with named facts only: nothing that an applicant sent."""

import json
import logging
import sys
from datetime import UTC, datetime

# Only these facts are written: what is not on this list, such as an entity or an amount, cannot slip into a log.
FACTS = ("portfolio", "release", "before", "fault", "route", "status", "error", "pid", "url", "seconds", "code")


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback is left out, because the values in it may be personal."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "process": record.process,
        }
        facts = {name: getattr(record, name) for name in FACTS if getattr(record, name, None) is not None}
        return json.dumps({**line, **facts}, default=str)


def log_to_stderr() -> None:
    """Send what Lendloop logs to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("lendloop")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
