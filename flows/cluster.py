"""Ray, and its one place: the same work by many processes, here or on a cluster, as `LENDLOOP_PROFILE=ray` asks.

Work is cut by customers or models elsewhere; here only who does it is decided. A part is a task of Ray Data of its own:
when a worker dies, the part is done again by another one. Parts travel as pickles between processes of one cluster,
and are never kept.
"""

import logging
import os
import secrets
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from features.customers import Each
from infra.settings import Settings

Part = TypeVar("Part")
Made = TypeVar("Made")
MIB = 2**20
OBJECTS = 1024 * MIB
"""Bytes of a local cluster's object store: what workers have made and nobody has taken yet; more goes to disk."""
TRIES = 3
"""Workers that may die at a part before it is given up, and starts of a local cluster."""
INSTALL = "`make setup-ray` makes an environment with it in .venv-ray, or `pip install 'lendloop[ray]'`"


class RayMissing(RuntimeError):
    """The settings ask for Ray, which is not installed here or does not answer."""


class WorkerFailed(RuntimeError):
    """A function failed in a worker with an error that does not travel; the message has its type and text."""


def workers_of(settings: Settings) -> Each:
    """How parts are worked on: one after the other in this process, or by Ray.

    A worker works alone: while it waited for others it would keep the CPU that they need.
    """
    return map if settings.profile == "local" or _is_worker() else by_ray(settings)


def by_settings(function: Callable[[Part], Made], parts: Iterable[Part], /) -> Iterator[Made]:
    """Parts as the settings of this process say: what a Feast repository names in `each`."""
    return workers_of(Settings())(function, parts)


def _is_worker() -> bool:
    ray = sys.modules.get("ray")
    return bool(ray and ray.is_initialized() and ray.get_runtime_context().worker.mode == ray.WORKER_MODE)


def by_ray(settings: Settings) -> Each:
    """Parts by Ray's workers, with results in the parts' order; only so many are under way as there are workers.

    A single part is worked on here: no cluster is started, or joined, for what would be done by one process anyhow.
    """

    def each(function: Callable[[Part], Made], parts: Iterable[Part], /) -> Iterator[Made]:
        listed = list(parts)
        if len(listed) <= 1:
            return map(function, listed)
        connect(settings)
        # Ray Data warns of workers that would never have a part.
        return _results(function, listed, min(settings.ray_workers, len(listed)))

    return each


def connect(settings: Settings) -> None:
    """Join the cluster of the settings, or start one of this machine, which ends with this process."""
    ray = _ray(settings)
    if ray.is_initialized():
        return
    # Workers of this machine have this process' environment; those of a cluster are given theirs by whoever runs it.
    os.environ.setdefault("LENDLOOP_HOME", str(settings.root()))
    os.environ["LENDLOOP_PORTFOLIOS"] = str(settings.portfolios.resolve())
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if settings.ray_address:
        try:
            ray.init(address=settings.ray_address, **quiet)
        except (ConnectionError, ValueError) as error:
            raise RayMissing(
                f"LENDLOOP_RAY_ADDRESS: found {settings.ray_address}, where none answers: {error}"
            ) from error
        return
    local = {"num_cpus": settings.ray_workers, "object_store_memory": OBJECTS, "include_dashboard": False}
    _started(ray, {**local, **quiet, "_node_ip_address": "127.0.0.1"})


def _started(ray: Any, given: dict[str, Any]) -> None:
    for again in reversed(range(TRIES)):
        try:
            ray.init(**given)
            return
        except Exception as error:
            # On a busy machine Ray gives up on its own processes after 30 s, with no error of a class of its own.
            ray.shutdown()
            if not again:
                raise RayMissing(
                    f"Ray does not start here: {error} Is the machine busy, or short of memory?"
                ) from error


def _results(function: Callable[[Part], Made], parts: list[Part], workers: int) -> Iterator[Made]:
    import ray.data
    from ray import cloudpickle

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Of settings of its own that it will rename, and of the only way to say which workers there are, in Ray 2.64.
        warnings.simplefilter("ignore")
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        given = [{"part": cloudpickle.dumps(part)} for part in parts]
        rows = ray.data.from_items(given, override_num_blocks=len(parts))
        # A part that takes worker after worker with it, as one too large for their memory, is given up in the end.
        done = rows.map(_Work(function), compute=ray.data.TaskPoolStrategy(size=workers), max_retries=TRIES)
    for row in done.iter_rows():
        made = cloudpickle.loads(row["made"])
        if isinstance(made, _Failed):
            raise made.raised(cloudpickle)
        yield made


class _Failed:
    """What a function raised: Ray's own errors would hide it. Not every error can be pickled, or be made again."""

    def __init__(self, error: Exception, pickles: Any) -> None:
        self.told, self.error = _told(error), b""
        with suppress(Exception):
            self.error = pickles.dumps(error)

    def raised(self, pickles: Any) -> Exception:
        """The error as it was; where it does not come through as it was, its type and text."""
        with suppress(Exception):
            error = pickles.loads(self.error)
            if isinstance(error, Exception) and _told(error) == self.told:
                return error
        return WorkerFailed(f"a worker failed: {self.told}")


def _told(error: Exception) -> str:
    return f"{type(error).__qualname__}: {error}"


class _Work:
    """A function, from a row of Ray Data to a row of it."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        from ray import cloudpickle

        try:
            made = self.function(cloudpickle.loads(row["part"]))
        except Exception as error:  # whatever it is, it is raised where the part was handed out
            made = _Failed(error, cloudpickle)
        return {"made": cloudpickle.dumps(made)}


def _ray(settings: Settings) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not settings.ray_address:
        # Some of its ports listen on every interface: nobody without this token is answered there. Read at the import.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ImportError as error:
        raise RayMissing(f"LENDLOOP_PROFILE=ray: Ray is not installed here; {INSTALL}") from error
    return ray


def task_runner(settings: Settings) -> Any:
    """Prefect's task runner: threads of this process, or Ray."""
    from prefect.task_runners import ThreadPoolTaskRunner

    if settings.profile == "local":
        return ThreadPoolTaskRunner(max_workers=1)
    connect(settings)
    from prefect_ray import RayTaskRunner

    return RayTaskRunner(address=settings.ray_address or None)
