"""What a person is told when a command fails."""

import errno
import traceback
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from infra.disk import SHORT, RoomNeeded, disk_full, free
from infra.settings import Settings

PLACES = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
"""Faults of a path: another place, or other rights, would do."""
OURS = ("infra", "simulation", "features", "training", "serving", "monitoring", "flows")


def explain(error: BaseException) -> str:
    """The message for `error`: our own errors speak for themselves, all others are kept in a file and named."""
    if isinstance(error, ValidationError) and error.title == Settings.__name__:
        from flows.doctor import misset

        return "\n".join(misset(error))
    if isinstance(error, SettingsError):
        return f'settings: {error}; expected JSON, such as LENDLOOP_VENDORS=\'{{"liveness": "https://…"}}\''
    if isinstance(error, RoomNeeded):
        return str(error)
    if full := disk_full(error):
        return f"no space left on the disk ({full}); free some and run the command again"
    if type(error).__module__.partition(".")[0] in OURS:
        return str(error)
    if isinstance(error, OSError):
        remedy = (
            "; check its folder and rights, or set LENDLOOP_HOME to another folder" if error.errno in PLACES else ""
        )
        return f"{error.filename or type(error).__name__}: {error.strerror or error}{remedy}"
    if free(Settings().root()) < SHORT:
        return f"no space left on the disk ({error}); free some and run the command again"
    try:
        where = str(keep_traceback(error))
    except OSError as fault:
        where = f"lost, as they could not be written: {fault}"
    return f"unexpected {type(error).__name__}: {error}\nThis is a fault of Lendloop's; the details are in {where}"


def keep_traceback(error: BaseException) -> Path:
    """Write the traceback of `error` to a file under `home/logs` and return its path."""
    folder = Settings().root() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"fault-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return path
