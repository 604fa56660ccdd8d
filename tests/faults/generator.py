"""A load generator in a process of its own, on loopback, that stops by itself: `Task` in, `Found` out, as JSON.

Without a rate its connections send one request after another: the peak. With a rate it is an open loop: a request is
due at its time whether or not earlier ones were answered, and its latency counts from then.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
LONGEST_QUEUE = 20_000  # requests that are due and not sent: the service is stuck, and more would prove nothing
LAST_SECONDS = 10.0  # for what is under way when the time is up


@dataclass(frozen=True)
class Task:
    """What to send: `bodies` in turn, with the headers given, for `seconds`."""

    port: int
    path: str
    headers: dict[str, str]
    bodies: list[str]
    seconds: float
    connections: int
    rate: float = 0.0
    window: float = 1.0


@dataclass
class Found:
    """What came back: answers, what was none by its kind, the rate, and p99 (ms) of the answers of each window."""

    answered: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    rate: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    windows: list[float] = field(default_factory=list)


class Generator:
    """The connections of one task, and what they found."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._requests = [_request(task, body) for body in task.bodies]
        self._due: deque[float] = deque()
        self._idle: list[_Connection] = []
        self._times: list[tuple[float, float]] = []
        self._failed: Counter[str] = Counter()
        self._sent = self._busy = 0
        self._over = False

    async def run(self) -> Found:
        """Send until the time is up, and wait for what is under way."""
        loop, task = asyncio.get_running_loop(), self._task
        for _ in range(task.connections):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", task.port)
        self._began = time.perf_counter()
        if task.rate:
            await self._paced()
        else:
            while self._idle:
                self._send(self._idle.pop(), time.perf_counter())
            await asyncio.sleep(task.seconds)
        self._over = True
        until = time.perf_counter() + LAST_SECONDS
        while (self._busy or self._due) and time.perf_counter() < until:
            await asyncio.sleep(0.01)
        if left := self._busy + len(self._due):
            self._failed["no answer"] += left
        return self._found()

    async def _paced(self) -> None:
        task, place = self._task, 0
        while (due := self._began + place / task.rate) < self._began + task.seconds:
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            if len(self._due) >= LONGEST_QUEUE:
                return
            if self._idle:
                self._send(self._idle.pop(), due)
            else:
                self._due.append(due)
            place += 1

    def _send(self, connection: "_Connection", due: float) -> None:
        connection.send(self._requests[self._sent % len(self._requests)], due)
        self._sent += 1
        self._busy += 1

    def free(self, connection: "_Connection") -> None:
        """A connection can take the next request."""
        if self._due:
            self._send(connection, self._due.popleft())
        elif self._task.rate or self._over:
            self._idle.append(connection)
        else:
            self._send(connection, time.perf_counter())

    def answered(self, connection: "_Connection", status: str, due: float) -> None:
        """A request that was due at a time is answered."""
        self._busy -= 1
        now = time.perf_counter()
        if status == "200":
            self._times.append((due - self._began, now - due))
        else:
            self._failed[status] += 1
        self.free(connection)

    def lost(self, waiting: bool) -> None:
        """A connection was closed by the other side, before its answer or between two."""
        self._busy -= waiting
        self._failed["connection lost"] += 1

    def _found(self) -> Found:
        windows: dict[int, list[float]] = {}
        for due, took in self._times:
            windows.setdefault(int(due / self._task.window), []).append(took)
        took = sorted(took for _, took in self._times)
        lasted = time.perf_counter() - self._began if not self._task.rate else self._task.seconds
        return Found(
            answered=len(took),
            failed=dict(self._failed),
            rate=len(took) / lasted,
            p50=_quantile(took, 0.5),
            p99=_quantile(took, 0.99),
            windows=[_quantile(sorted(windows[place]), 0.99) for place in sorted(windows)],
        )


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, generator: Generator) -> None:
        self._generator, self._buffer, self._due = generator, bytearray(), None  # type: ignore[var-annotated]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._generator._idle.append(self)

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = bytes(self._buffer).partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        due, self._due = self._due, None
        self._buffer.clear()
        assert due is not None
        self._generator.answered(self, head[9:12].decode(), due)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._generator._over or self._due is not None:
            self._generator.lost(self._due is not None)


def _request(task: Task, body: str) -> bytes:
    given = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(body.encode()))}
    lines = [f"POST {task.path} HTTP/1.1", *(f"{name}: {value}" for name, value in (given | task.headers).items())]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _length(head: bytes) -> int:
    name = b"content-length:"
    return next((int(line[len(name) :]) for line in head.lower().split(b"\r\n") if line.startswith(name)), 0)


def _quantile(ordered: list[float], share: float) -> float:
    """In milliseconds."""
    return 1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def generate(task: Task) -> Found:
    """Run a task in another process, which ends on its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.generator"],
        input=json.dumps(asdict(task)),
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
        timeout=task.seconds + 60,
    )
    return Found(**json.loads(done.stdout))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(Generator(Task(**json.load(sys.stdin))).run()))))
