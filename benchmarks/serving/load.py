"""Load by wrk (Debian's package): closed at full speed, or paced; requests/s, latencies and CPU of the servers."""

import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.serving.counted import Counted, no_counts

CONNECTIONS = 8
SCRIPT = """
local ids = {%(ids)s}
local headers = {["Content-Type"] = "application/json"%(bearer)s}
math.randomseed(7)
function request()
  local body = '{"entity_id": ' .. ids[math.random(#ids)] .. '%(rest)s}'
  return wrk.format("POST", "%(path)s", headers, body)
end
%(delay)s
function done(summary, latency, requests)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("RESULT %%d %%f %%f %%f %%d %%d\\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, errors.status, broken))
end
"""
# Around the mean, so that the connections do not keep step with each other.
DELAY = "function delay() return math.random(%d, %d) end"


class NoWrk(RuntimeError):
    """wrk is not installed."""


@dataclass(frozen=True)
class Target:
    """A contender: where it answers, what it is sent, and the process whose tree serves it."""

    name: str
    url: str
    path: str
    pid: int
    rest: str = ""
    bearer: str = ""
    ours: bool = False

    def counted(self) -> Counted:
        """What our service says it has decided; nothing of a peer."""
        return Counted.read(self.url) if self.ours else no_counts()


@dataclass(frozen=True)
class Run:
    """What one run of load found; milliseconds, CPU milliseconds a request of server and of wrk.

    `unlogged`: answers beyond the decisions that the service committed. `degraded`: the share of decisions made without
    the full use of fresh features. `steps`: mean milliseconds of each step, as the service itself measures them.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    wrk: float
    failed: int
    unlogged: int = 0
    degraded: float = 0.0
    steps: dict[str, float] | None = None


def require_wrk() -> None:
    """Raise `NoWrk` where there is none."""
    if shutil.which("wrk") is None:
        raise NoWrk("wrk is not installed: `apt-get install wrk` (Debian, Ubuntu), or put wrk 4 on the PATH")


def run(target: Target, ids: list[int], folder: Path, *, seconds: int, delay: float = 0) -> Run:
    """Send requests for `seconds`; each connection waits `delay` milliseconds on average between two of them."""
    script = folder / "load.lua"
    pace = DELAY % (round(delay / 2), round(delay * 3 / 2)) if delay else ""
    bearer = f', ["Authorization"] = "Bearer {target.bearer}"' if target.bearer else ""
    values = {"ids": ",".join(map(str, ids)), "bearer": bearer, "rest": target.rest, "path": target.path}
    script.write_text(SCRIPT % {**values, "delay": pace})
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "5s", "-s", str(script), target.url]
    before, cpu, wrk = target.counted(), _cpu(target.pid), _own_cpu()
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds + 30)
    cpu, wrk, after = _cpu(target.pid) - cpu, _own_cpu() - wrk, target.counted()
    found = re.search(r"RESULT (\d+) ([\d.]+) ([\d.]+) ([\d.]+) (\d+) (\d+)", done.stdout)
    if found is None:
        raise RuntimeError(f"wrk ended with code {done.returncode} and no result: {done.stdout}{done.stderr}")
    requests, duration, p50, p99, refused, broken = map(float, found.groups())
    each, new = 1e3 / max(requests, 1), after - before
    unlogged = max(0, int(requests - refused - new.decisions)) if target.ours else 0
    return Run(
        requests / duration, p50, p99, cpu * each, wrk * each, int(refused + broken),
        unlogged, new.degraded / max(new.decisions, 1), new.steps() if target.ours else None,
    )  # fmt: skip


@contextmanager
def paused(pids: list[int]) -> Iterator[None]:
    """These processes and their children stand still meanwhile: who is not measured takes nothing from who is."""
    still = [process for pid in pids for process in _family(pid)]
    for process in still:
        process.suspend()
    try:
        yield
    finally:
        for process in still:
            process.resume()


def _cpu(pid: int) -> float:
    """CPU seconds of a process and its children."""
    times = [one.cpu_times() for one in _family(pid)]
    return float(sum(one.user + one.system for one in times))


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
