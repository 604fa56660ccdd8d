"""What a worker tells of its work: every step timed and traced, every decision counted. Silent unless opened."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING

from serving.log.canonical import Json
from serving.log.commit import Appended
from serving.log.record import Record
from serving.partners.quotas import Told as Limit
from serving.reasons import QUOTA_REACHED
from serving.telemetry.counters import RELEASE_DIGITS, Counters
from serving.trial.mark import MARK

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer
    from prometheus_client import Histogram

_log = logging.getLogger("lendloop.telemetry")

STAFF = "staff"
"""Before the colon in the name under which a member's requests are counted, and the label of all of them."""
UNCHECKED = {"CONTEXT_UNKNOWN": "context", "SIGNAL_MISSING": "signal"}
"""Reason codes of decisions made without a look at lists, quotas or consents, or at an identity signal."""


def owner_of(name: str) -> str:
    """How whoever is limited stands in a label."""
    return STAFF if name.startswith(f"{STAFF}:") else f"partner:{name}"


class Telemetry:
    """Tells nothing: the default of tests and of decisions outside a service."""

    def step(self, name: str) -> AbstractContextManager[None]:
        """Time one step of an answer: `features`, `circumstances`, `decide`, `log`."""
        return nullcontext()

    def decided(self, outcomes: Sequence[object]) -> None:
        """Count the decisions that are in the log for the first time, and not what was answered again or refused."""

    def committed(self, records: int, seconds: float, failed: bool = False) -> None:
        """Count one commit to the decision log."""

    def limited(self, limit: str, what: Limit, whose: str, requests: int) -> None:
        """Count requests that a limit of whoever asks refused, or that were let through uncounted."""


@contextmanager
def unharmed() -> Iterator[None]:
    """What cannot be counted must not stop what is counted."""
    try:
        yield
    except OSError as error:
        not_counted(error)


def not_counted(error: OSError) -> None:
    """Note in the log what could not be counted."""
    _log.warning("not counted", extra={"error": type(error).__name__})


class Told(Telemetry):
    """Tells Prometheus and, where a tracer is given, OpenTelemetry."""

    def __init__(self, counters: Counters, tracer: "Tracer | None" = None) -> None:
        self.counters, self.tracer = counters, tracer
        self._steps: dict[str, Histogram] = {}  # finding an instrument by its label costs as much as using it

    def step(self, name: str) -> AbstractContextManager[None]:
        """Time one step of an answer; a span too, below that of the request."""
        return _Step(self, name)

    def spent(self, name: str, seconds: float) -> None:
        """Count the time of one step."""
        known = self._steps.get(name)
        if known is None:
            known = self._steps[name] = self.counters.step_seconds.labels(name)
        known.observe(seconds)

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
        if QUOTA_REACHED.code in codes:
            self.counters.quota_reached.labels(record.portfolio).inc()
        mark = record.context.get(MARK)
        if isinstance(mark, dict):
            self._of_canary(record, mark)

    def limited(self, limit: str, what: Limit, whose: str, requests: int) -> None:
        """Count requests that a limit refused, or that were let through uncounted; a member of staff is never named."""
        with unharmed():
            if what == "uncounted":
                self.counters.uncounted.labels(limit).inc(requests)
            else:
                self.counters.refused.labels(owner_of(whose), limit).inc(requests)

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


class _Step(AbstractContextManager[None]):
    """A step while it lasts. A class: each request has four, and a generator costs twice as much."""

    __slots__ = ("_began", "_name", "_span", "_told")

    def __init__(self, told: Told, name: str) -> None:
        self._told, self._name = told, name

    def __enter__(self) -> None:
        tracer = self._told.tracer
        self._span = tracer.start_as_current_span(self._name, record_exception=False) if tracer else None
        if self._span is not None:
            self._span.__enter__()
        self._began = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._began
        try:
            self._told.spent(self._name, seconds)
        except OSError as fault:
            not_counted(fault)
        if self._span is not None:
            self._span.__exit__(kind, error, trace)
