"""Load by wrk (Debian's package): closed at full speed, or paced; requests/s, latencies and CPU of the servers."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

SCRIPT = """
local ids = {%(ids)s}
local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer %(bearer)s"}
math.randomseed(7)
function request()
  local body = '{"entity_id": ' .. ids[math.random(#ids)] .. '%(rest)s}'
  return wrk.format("POST", "%(path)s", headers, body)
end
function delay() return %(delay)d end
function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %%d %%f %%f %%f %%d\\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
"""


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


@dataclass(frozen=True)
class Run:
    """What one run of load found; milliseconds, and CPU milliseconds a request."""

    rate: float
    p50: float
    p99: float
    cpu: float
    failed: int


def run(target: Target, ids: list[int], folder: Path, *, seconds: float, connections: int, delay: float = 0) -> Run:
    """Send requests for `seconds`; with `delay` milliseconds each connection waits between two of them."""
    if shutil.which("wrk") is None:
        raise NoWrk("wrk is not installed: apt-get install wrk")
    script = folder / "load.lua"
    values = {"ids": ",".join(map(str, ids)), "bearer": target.bearer, "rest": target.rest, "path": target.path}
    script.write_text(SCRIPT % {**values, "delay": round(delay)})
    if not delay:
        script.write_text(script.read_text().replace("function delay() return 0 end\n", ""))
    before = _cpu(target.pid)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "5s", "-s", str(script), target.url]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    found = re.search(r"RESULT (\d+) ([\d.]+) ([\d.]+) ([\d.]+) (\d+)", text)
    if found is None:
        raise RuntimeError(f"wrk said no result: {text}")
    requests, duration, p50, p99, failed = map(float, found.groups())
    cpu = 1e3 * (_cpu(target.pid) - before) / max(requests, 1)
    return Run(requests / duration, p50, p99, cpu, int(failed))


def _cpu(pid: int) -> float:
    """CPU seconds of a process and its children."""
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))
