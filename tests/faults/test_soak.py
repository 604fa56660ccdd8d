"""Ten minutes at 80 % of what the service can do: no error, memory flat, the slowest answers as fast as at first."""

import os
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest
from rich.console import Console
from rich.table import Table

from serving.log.decision_log import open_log
from tests.faults.figures import keep
from tests.faults.generator import Found, Task, generate
from tests.serving.deployed import DECISIONS, RISKY, SAFE, Deployed, deployed_in

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
PEAK_SECONDS, WARM_SECONDS = 60.0, 5.0  # long enough for the log to write its pages back: the peak that lasts
SHARE = 0.8
MIB = 2**20
CONNECTIONS = 16
# What leaks, leaks with each request, and hardly an object of Python is smaller than this.
SMALLEST_LEAK = 48  # bytes
# What an allocator and a cache that still fills move in a short run.
NOISE = 8.0  # MiB
# Medians of many windows: another process that takes the machine for some seconds does not count.
STEADY = 3.0
# Where other processes take more of the machine than this, slow answers say nothing about the service.
QUIET = 0.1
WINDOWS = 60
pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(2 * SECONDS + 300)]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Deployed]:
    """The service on Redis and an SQLite log, whose million of records is not left behind."""
    with deployed_in(tmp_path) as running:
        yield running
    shutil.rmtree(tmp_path)


@dataclass
class Watch:
    """Looks every second at the memory of the workers, and at how much of the machine other processes take."""

    pids: list[int]
    rows: list[tuple[float, ...]] = field(default_factory=list)
    others: float = 0.0

    def __enter__(self) -> "Watch":
        self._stop, self._began = threading.Event(), time.monotonic()
        self._cpu = _cpu()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        processes = [psutil.Process(pid) for pid in self.pids]
        while not self._stop.wait(1.0):
            elapsed = time.monotonic() - self._began
            self.rows.append((elapsed, *(float(process.memory_info().rss) for process in processes)))
            busy, ours = (now - before for now, before in zip(_cpu(), self._cpu, strict=True))
            # The load's own process is gone at the end, and its time with it: the last look is before that.
            self.others = (busy - ours) / elapsed / (psutil.cpu_count() or 1)

    def growth(self) -> list[float]:
        """Bytes that each worker grows by in a second, by least squares, once the first third has filled its caches."""
        rows = np.array(self.rows[len(self.rows) // 3 :])
        return [float(np.polyfit(rows[:, 0], rows[:, column], 1)[0]) for column in range(1, rows.shape[1])]


def _cpu() -> tuple[float, float]:
    """CPU seconds of the machine, and of this process and all it started."""
    machine, ours = psutil.cpu_times(), 0.0
    mine = psutil.Process()
    for process in (mine, *mine.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            ours += times.user + times.system
    return sum(machine) - machine.idle - machine.iowait - machine.guest - machine.guest_nice, ours


def load(service: Deployed, headers: dict[str, str], seconds: float, rate: float = 0.0) -> Found:
    """Requests at a rate, or without one as many as are answered."""
    bodies = [f'{{"entity_id": {entity}, "amount": {100 + place}}}' for place in range(8) for entity in (SAFE, RISKY)]
    window = max(1.0, seconds / WINDOWS)
    return generate(Task(service.launch.port, DECISIONS, headers, bodies, seconds, CONNECTIONS, rate, window))


def test_it_runs_at_four_fifths_of_its_peak(service: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    headers = service.add_partner("soak", "1000000/s")
    load(service, headers, WARM_SECONDS)
    peak = load(service, headers, PEAK_SECONDS)
    before, workers = records(service), service.workers()
    with Watch(workers) as watch:
        found = load(service, headers, SECONDS, SHARE * peak.rate)
    soaked = Soaked(peak, found, watch)
    with capsys.disabled():
        soaked.tell()
    assert peak.failed == found.failed == {}
    assert found.rate == pytest.approx(SHARE * peak.rate, rel=0.01)
    assert service.workers() == workers  # none was started again
    assert records(service) == before + found.answered
    assert max(soaked.growth) < soaked.allowed
    if watch.others < QUIET:
        assert soaked.p99_last < STEADY * soaked.p99_first


def records(service: Deployed) -> int:
    log = open_log(service.launch.decision_log, service.launch.log_keys(), read_only=True)
    try:
        return log.head().records
    finally:
        log.close()


class Soaked:
    """What a run found."""

    def __init__(self, peak: Found, found: Found, watch: Watch) -> None:
        self.peak, self.found, self.others = peak, found, watch.others
        self.rss = [[row[column] / MIB for row in watch.rows] for column in range(1, len(watch.rows[0]))]
        self.growth = [rate * SECONDS / MIB for rate in watch.growth()]
        self.allowed = NOISE + SMALLEST_LEAK * found.answered / len(self.rss) / MIB
        third = len(found.windows) // 3
        self.p99_first, self.p99_last = map(statistics.median, (found.windows[:third], found.windows[-third:]))

    def tell(self) -> None:
        """Keep the figures in build/, and print the most telling."""
        found, names = asdict(self.found), ("growth", "allowed", "p99_first", "p99_last", "rss")
        path = keep(
            "soak", seconds=SECONDS, peak=self.peak.rate, **found, **{name: getattr(self, name) for name in names}
        )
        table = Table("soak", f"{SECONDS:g} s at {SHARE:.0%} of peak", box=None)
        for row in self._rows():
            table.add_row(*row)
        Console().print("\n", table, f"written to {path.relative_to(Path.cwd())}")

    def _rows(self) -> Iterator[tuple[str, str]]:
        found = self.found
        yield "requests/s, of peak", f"{found.rate:,.0f}, {self.peak.rate:,.0f}"
        yield "answered, failed", f"{found.answered:,}, {sum(found.failed.values())}"
        yield "p50, p99", f"{found.p50:.1f} ms, {found.p99:.1f} ms"
        yield "p99 of first, last third", f"{self.p99_first:.1f} ms, {self.p99_last:.1f} ms"
        judged = "" if self.others < QUIET else ": too much to judge p99 by"
        yield "machine, taken by others", f"{self.others:.0%}{judged}"
        for rss, growth in zip(self.rss, self.growth, strict=True):
            yield "RSS of a worker", f"{rss[0]:.0f} → {rss[-1]:.0f} MiB, slope {growth:+.1f} MiB (≤ {self.allowed:.1f})"
