"""Workers of `make test` that part from one process, in which every library was imported once and not once in each.

pytest-xdist starts each worker as `python -c CODE` and talks to it over its standard streams. What is started here in
Python's place hands CODE and these streams to a process that has nothing but imported, no thread and no open file, as
the service's supervisor does: that one forks, and its child goes on as the worker.
"""

import gc
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

from infra.processes import die_with_parent

SOCKET = "LENDLOOP_TESTS_FORK"
COMMAND = (sys.executable, "-m", "tests.forking")
LARGEST = 1 << 16
# Some libraries bring a plugin for pytest, whose own asserts would be told better if it was imported later.
PLUGINS = ("-W", "ignore:Module already imported so cannot be rewritten")
# Of allocators, which begin theirs anew in a child, and of what Polars would put on disk: the service forks with these.
HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}
# What files of tests import as they are collected, and takes long; what only some tests need is not here.
LIBRARIES = (
    "catboost", "duckdb", "fastapi", "feast", "httpx", "hypothesis", "matplotlib.pyplot", "mlflow",
    "opentelemetry.sdk.metrics", "pandas", "polars", "prefect", "prefect.client.orchestration", "psycopg",
    "pyarrow.parquet", "pydantic", "redis", "rich.table", "schemathesis", "scipy.stats", "sklearn.metrics",
    "sqlalchemy", "typer.testing",
)  # fmt: skip
# Of ours, for what they import in turn: nearly all there is.
OURS = ("flows.month", "flows.worlds", "monitoring.reports.document", "serving.api.app")


@contextmanager
def workers(count: int) -> Iterator[tuple[str, ...]]:
    """The words that have pytest-xdist start so many workers, forked where that is safe; they last as long."""
    if not sys.platform.startswith("linux"):
        yield "-n", str(count)
        return
    with tempfile.TemporaryDirectory(prefix="fork-") as folder:
        os.environ[SOCKET] = str(Path(folder) / "socket")
        with listening(os.environ[SOCKET]) as listener:
            process = subprocess.Popen(COMMAND, stdin=listener, pass_fds=[listener.fileno()])
        try:
            yield "--tx", f"{count}*popen//python={shlex.join(COMMAND)}", *PLUGINS
        finally:
            process.terminate()
            process.wait()


@contextmanager
def listening(path: str) -> Iterator[socket.socket]:
    """A socket that takes connections from now on: who asks before all is imported waits."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        yield listener


def ask(code: str) -> None:
    """Have a worker that runs `code` with the streams of this process, and wait until it is gone."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(os.environ[SOCKET])
        socket.send_fds(asked, [code.encode()], [0, 1, 2])
        # The worker's alone from here on: pytest sees at once when they are closed.
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0), os.dup2(null, 1)
        asked.recv(1)


def serve() -> None:
    """Import, and fork for everyone who asks, who ends with this process; the listening socket is standard input."""
    die_with_parent(os.getppid())
    import_libraries()
    listener, server = socket.socket(fileno=0), os.getpid()
    while True:
        asking, _ = listener.accept()
        code, streams, _, _ = socket.recv_fds(asking, LARGEST, 3)
        if os.fork() == 0:
            die_with_parent(server)
            listener.detach(), asking.detach()  # the one is replaced, the other stays open as long as the worker
            become(code.decode(), streams)
        asking.close()
        for stream in streams:
            os.close(stream)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def import_libraries() -> None:
    """Import them as pytest would, with warnings as errors; nothing may have begun to run by that."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import features.store  # noqa: F401  as conftest does, Feast without what it does not need

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in (*LIBRARIES, *OURS):
            import_module(name)
    assert not (begun := threads() - HARMLESS), f"libraries that were imported have begun {begun}, lost in workers"
    gc.collect()
    gc.freeze()


def threads() -> set[str]:
    """The threads of this process beside the one that imports."""
    tasks = Path("/proc/self/task")
    return {(task / "comm").read_text().strip() for task in tasks.iterdir() if task.name != str(os.getpid())}


def become(code: str, streams: list[int]) -> None:
    """Go on as `python -c code` with these streams."""
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.stdin, sys.argv = open(0, closefd=False), ["-c"]  # noqa: SIM115
    exec(code, {"__name__": "__main__"})
    sys.exit()


if __name__ == "__main__":
    if "-c" in sys.argv:
        ask(sys.argv[-1])
    else:
        serve()
