"""What a worker tells of its work: every step timed and traced, every decision counted. Silent unless opened."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from serving.log.canonical import Json
from serving.log.commit import Appended
from serving.log.record import Record
from serving.telemetry.counters import RELEASE_DIGITS, Counters
from serving.trial.mark import MARK

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_log = logging.getLogger("lendloop.telemetry")

UNCHECKED = {"CONTEXT_UNKNOWN": "context", "SIGNAL_MISSING": "signal"}
"""Reason codes of decisions made without a look at lists, quotas or consents, or at an identity signal."""


class Telemetry:
    """Tells nothing: the default of tests and of decisions outside a service."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step of an answer: `features`, `circumstances`, `decide`, `log`."""
        yield

    def decided(self, outcomes: Sequence[object]) -> None:
        """Count the decisions that are in the log for the first time, and not what was answered again or refused."""

    def committed(self, records: int, seconds: float, failed: bool = False) -> None:
        """Count one commit to the decision log."""


@contextmanager
def unharmed() -> Iterator[None]:
    """What cannot be counted must not stop what is counted."""
    try:
        yield
    except OSError as error:
        _log.warning("not counted", extra={"error": type(error).__name__})


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
            with unharmed():
                self.counters.step_seconds.labels(name).observe(time.perf_counter() - began)

    def decided(self, outcomes: Sequence[object]) -> None:
        """Count the decisions that are new in the log, and what each had to do without."""
        with unharmed():
            for outcome in outcomes:
                if isinstance(outcome, Appended) and outcome.ours:
                    self._decided(outcome.record)

    def _decided(self, record: Record) -> None:
        release = record.release[:RELEASE_DIGITS]
        self.counters.decisions.labels(record.portfolio, record.kind, release, record.outcome).inc()
        problems = record.context.get("problems")
        codes = {reason["code"] for reason in record.reasons if isinstance(reason, dict)}
        unchecked = (problem for code, problem in UNCHECKED.items() if code in codes)
        for problem in (*(problems if isinstance(problems, dict) else ()), *unchecked):
            self.counters.degraded.labels(record.portfolio, problem).inc()
        mark = record.context.get(MARK)
        if isinstance(mark, dict):
            self._of_canary(record, mark)

    def _of_canary(self, record: Record, mark: Mapping[str, Json]) -> None:
        role, seconds = str(mark["arm"]), mark.get("seconds")
        self.counters.trial_decisions.labels(record.portfolio, role, record.outcome).inc()
        if isinstance(seconds, int | float):
            self.counters.trial_seconds.labels(role).observe(seconds)
        if "failed" in mark:
            self.counters.canary_failures.labels(record.portfolio).inc()

    def committed(self, records: int, seconds: float, failed: bool = False) -> None:
        """Count one commit to the decision log."""
        with unharmed():
            self.counters.log_commit_seconds.observe(seconds)
            self.counters.log_commit_records.observe(records)
            if failed:
                self.counters.log_failures.inc()
