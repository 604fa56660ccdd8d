"""Counters and durations in Prometheus' format, added up over all workers when they are read.

Labels are bounded: portfolios, releases, outcomes, kinds of problem, templates of routes; never a person or a key.
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from infra.processes import start_time

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of a duration's buckets."""
RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Upper bounds of the buckets of records in one commit."""
RELEASE_DIGITS = 12


SHARED_MEMORY = Path("/dev/shm")


def counters_folder(home: Path) -> Path:
    """Where the workers on `home` count: in memory where the system has a place for it.

    The library maps its files: where a full disk has no page for one, the system would kill the worker.
    """
    if os.access(SHARED_MEMORY, os.W_OK):
        return SHARED_MEMORY / f"lendloop-{os.getuid()}-{hashlib.sha256(str(home).encode()).hexdigest()[:16]}"
    return home / "counters"


class Counters:
    """The instruments of one worker; its values stand in files of `folder`, beside those of the other workers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        forget_dead(folder)
        # The library looks for this when it is first imported, which BentoML may have done, with a folder of its own.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        from prometheus_client import CollectorRegistry, values

        # Asked once: nothing forks a worker, and the kernel would be asked twenty times a request.
        pid = os.getpid()
        values.ValueClass = values.MultiProcessValue(lambda: pid)  # type: ignore[no-untyped-call]
        self.folder = folder
        self._registry = CollectorRegistry()
        self._make_requests(self._registry)
        self._make_decisions(self._registry)
        self._make_limits(self._registry)
        self._make_log(self._registry)
        self._make_trial(self._registry)
        self._make_state(self._registry)

    def _make_requests(self, registry: "CollectorRegistry") -> None:
        self.requests = _counter(registry, "requests", "requests answered", "method", "route", "status")
        self.request_seconds = _seconds(registry, "request_seconds", "from a request to its answer", "route")
        self.step_seconds = _seconds(registry, "step_seconds", "one step of an answer", "step")
        self.running = _gauge(registry, "requests_running", "requests being answered", "livesum")

    def _make_decisions(self, registry: "CollectorRegistry") -> None:
        self.decisions = _counter(
            registry, "decisions", "decisions committed to the log", "portfolio", "kind", "release", "outcome"
        )
        self.degraded = _counter(registry, "degraded", "decisions made without something", "portfolio", "problem")

    def _make_limits(self, registry: "CollectorRegistry") -> None:
        """Owners: `partner:` and its name, as many as a lender has let in, `staff`, or a portfolio."""
        self.refused = _counter(
            registry, "limit_refusals", "requests over a quota or too many at once", "owner", "limit"
        )
        self.uncounted = _counter(
            registry, "limit_uncounted", "requests let through though they could not be counted", "limit"
        )
        self.quota_reached = _counter(
            registry, "quota_reached", "applications left to people by a quota of the policy", "portfolio"
        )
        self.quota_left = _gauge(
            registry, "quota_left", "share of a quota that was left when last looked at", "livemin", "owner", "quota"
        )

    def _make_log(self, registry: "CollectorRegistry") -> None:
        from prometheus_client import Histogram

        self.log_failures = _counter(registry, "log_failures", "commits to the decision log that failed")
        self.log_commit_seconds = _seconds(registry, "log_commit_seconds", "one group commit to the decision log")
        self.log_commit_records: Histogram = Histogram(
            "lendloop_log_commit_records", "records in one commit", registry=registry, buckets=RECORDS
        )
        self.log_waiting = _gauge(registry, "log_waiting", "records that wait for a commit", "livesum")

    def _make_trial(self, registry: "CollectorRegistry") -> None:
        """Roles: champion and canary, who answered in a canary; shadow_challenger and shadow_champion, who did not."""
        self.trial_decisions = _counter(
            registry, "trial_decisions", "decisions while a challenger is tried", "portfolio", "role", "outcome"
        )
        self.trial_seconds = _seconds(
            registry, "trial_decision_seconds", "deciding one request of a canary, without the log", "role"
        )
        self.canary_failures = _counter(
            registry, "canary_failures", "requests that a challenger failed at, and the champion answered", "portfolio"
        )
        self.canary_stops = _counter(
            registry, "canary_stops", "canaries that the service stopped itself", "portfolio", "limit"
        )
        self.shadow_skipped = _counter(
            registry, "shadow_skipped", "decisions that the shadow left out, as it came too late", "portfolio"
        )
        self.canary_share = _gauge(
            registry, "canary_share", "share of the customers whom the challenger answers", "livemax", "portfolio"
        )
        self.challenger_current = _gauge(
            registry, "challenger_current", "0: a worker cannot load the challenger", "livemin", "portfolio"
        )

    def _make_state(self, registry: "CollectorRegistry") -> None:
        self.release = _gauge(
            registry, "release_info", "1: a worker answers with this release", "livemax", "portfolio", "release"
        )
        self.current = _gauge(
            registry, "release_current", "0: a worker cannot load the release that is wanted", "livemin", "portfolio"
        )
        self.followed = _gauge(
            registry, "champion_followed", "0: the registry or the champion cannot be read", "livemin", "portfolio"
        )
        self.paused = _gauge(registry, "paused", "1: no automatic approval", "livemax", "portfolio")

    def text(self) -> bytes:
        """All workers' values, for Prometheus to read."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self.folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def forget_dead(folder: Path) -> None:
    """Take back what workers that ended said of their state; what they counted stays counted."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if not (pid.isdigit() and start_time(int(pid)) is not None):
            path.unlink(missing_ok=True)


def _counter(registry: "CollectorRegistry", name: str, text: str, *labels: str) -> "Counter":
    from prometheus_client import Counter

    return Counter(f"lendloop_{name}", text, labels, registry=registry)


def _seconds(registry: "CollectorRegistry", name: str, text: str, *labels: str) -> "Histogram":
    from prometheus_client import Histogram

    return Histogram(f"lendloop_{name}", f"{text}, in seconds", labels, registry=registry, buckets=SECONDS)


def _gauge(registry: "CollectorRegistry", name: str, text: str, over_workers: str, *labels: str) -> "Gauge":
    from prometheus_client import Gauge

    # livesum, livemax, livemin: how the values of the living workers become one.
    return Gauge(f"lendloop_{name}", text, labels, registry=registry, multiprocess_mode=over_workers)  # type: ignore[arg-type]
