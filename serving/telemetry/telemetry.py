"""What a worker tells of its work: every step timed and traced, every decision counted. Silent unless opened."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from serving.log.record import Record
from serving.telemetry.counters import RELEASE_DIGITS, Counters

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


class Telemetry:
    """Tells nothing: the default of tests and of decisions outside a service."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step of an answer: `features`, `circumstances`, `decide`, `log`."""
        yield

    def decided(self, record: Record) -> None:
        """Count a decision that is in the log."""

    def committed(self, records: int, seconds: float) -> None:
        """Count one commit to the decision log."""

    def log_failed(self) -> None:
        """Count a commit that failed."""


class Told(Telemetry):
    """Tells Prometheus and, where a tracer is given, OpenTelemetry."""

    def __init__(self, counters: Counters, tracer: "Tracer | None" = None) -> None:
        self.counters, self.tracer = counters, tracer

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step of an answer; a span too, below that of the request."""
        began = time.perf_counter()
        try:
            if self.tracer is None:
                yield
            else:
                with self.tracer.start_as_current_span(name, record_exception=False):
                    yield
        finally:
            self.counters.step_seconds.labels(name).observe(time.perf_counter() - began)

    def decided(self, record: Record) -> None:
        """Count a decision, and what it had to do without."""
        release = record.release[:RELEASE_DIGITS]
        self.counters.decisions.labels(record.portfolio, record.kind, release, record.outcome).inc()
        problems = record.context.get("problems")
        for problem in problems if isinstance(problems, dict) else ():
            self.counters.degraded.labels(record.portfolio, problem).inc()

    def committed(self, records: int, seconds: float) -> None:
        """Count one commit to the decision log."""
        self.counters.log_commit_seconds.observe(seconds)
        self.counters.log_commit_records.observe(records)

    def log_failed(self) -> None:
        """Count a commit that failed."""
        self.counters.log_failures.inc()
