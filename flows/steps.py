"""How the parts of a flow are called: plainly in a test, as Prefect tasks in a run, with retries only around I/O."""

import errno
from collections.abc import Callable
from datetime import date
from typing import Any

from flows.locking import exclusive
from flows.progress import finished, started
from infra.disk import chain, disk_full
from infra.settings import Settings

Summary = dict[str, Any]
Body = Callable[[str, date], Summary]
Call = Callable[[Body, str, date], Summary]

KEPT: Any = {"persist_result": True, "result_serializer": "json"}
"""How Prefect keeps what a flow or a task returns: as JSON, never as a pickle, whatever its environment says."""
LACKING = "lacking"
"""Of a summary: what to do first, because the step had nothing to do."""
RETRY_SECONDS = [1.0, 5.0]
LASTING = (FileNotFoundError, PermissionError, FileExistsError, NotADirectoryError, IsADirectoryError)
"""Faults of the system that another try meets again."""
PASSING = {"OperationalError", "InterfaceError", "OnlineStoreError", "LogUnavailable", "CountsUnavailable"}
"""Errors of databases, of which some pass by themselves: by name, as their frameworks are at home elsewhere."""
SCHEDULED_WAIT = 2 * 3600.0


def directly(body: Body, portfolio: str, as_of: date) -> Summary:
    """Call a step's body here and now, without Prefect."""
    started(body.__name__)
    summary = body(portfolio, as_of)
    finished(body.__name__, str(summary.get("summary", "")))
    return summary


def nothing(why: str, lacking: str) -> Summary:
    """The summary of a step that had nothing to do: right within a month, but not what a person asks for alone."""
    return {"summary": why, LACKING: lacking}


def lacks_release(portfolio: str, as_of: date) -> str:
    """What to do first when no release was promoted yet."""
    month = f"`lendloop run month --portfolio {portfolio} --as-of {as_of}`"
    return f"run {month} first; `lendloop release list {portfolio}` tells what the gates kept back"


def as_task(body: Body, portfolio: str, as_of: date) -> Summary:
    """Call a step's body as a Prefect task: seen in Prefect's UI, tried again after a fault of I/O."""
    from prefect import task
    from prefect.cache_policies import NO_CACHE

    step = task(
        name=body.__name__,
        task_run_name=f"{body.__name__} {portfolio} {as_of}",
        retries=len(RETRY_SECONDS),
        retry_delay_seconds=RETRY_SECONDS,
        retry_condition_fn=_is_fault_of_io,
        cache_policy=NO_CACHE,
        **KEPT,
    )(directly)
    # Here every flow passes: run by a person, by a worker, or as a part of a month, which holds the portfolio already.
    with exclusive(Settings(), portfolio, wait=patience()):
        summary: Summary = step(body, portfolio, as_of)
    return summary


def patience() -> float:
    """Seconds to wait for another run of the portfolio: a scheduled run waits its turn, a person is told at once."""
    from prefect.runtime import deployment

    return SCHEDULED_WAIT if deployment.id else 0.0


def is_io_fault(error: BaseException) -> bool:
    """Whether trying again may help: a server or a disk did not answer, as against wrong data or configuration.

    The error itself may say so, or what caused it: whatever ours are made of.
    """
    return disk_full(error) is None and any(_is_passing(each) for each in chain(error))


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return not isinstance(error, LASTING) and error.errno not in (errno.EROFS, errno.EFBIG)
    return bool(PASSING & {kind.__name__ for kind in type(error).__mro__})


def _is_fault_of_io(_task: Any, _run: Any, state: Any) -> bool:
    try:
        state.result()
    except BaseException as error:
        return is_io_fault(error)
    return False
