"""What a person is told when a command fails."""

import errno
import traceback
from datetime import UTC, datetime
from pathlib import Path

from infra.settings import Settings

OURS = ("infra", "features", "training", "serving", "monitoring", "flows")


def explain(error: BaseException) -> str:
    """The message for `error`: our own errors speak for themselves, all others are kept in a file and named."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no space left on the disk ({error.filename or 'while writing'}); free some and run the command again"
    if type(error).__module__.partition(".")[0] in OURS:
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or type(error).__name__}: {error.strerror or error}"
    where = keep_traceback(error)
    return f"unexpected {type(error).__name__}: {error}\nThis is a fault of Lendloop's; the details are in {where}"


def keep_traceback(error: BaseException) -> Path:
    """Write the traceback of `error` to a file under `home/logs` and return its path."""
    folder = Settings().root() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"fault-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return path
