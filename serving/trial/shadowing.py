"""The shadow: a process of its own that reads the decision log as it grows, scores, and watches the canaries.

A worker does nothing for it, and waits for it never: what it reads is what the worker has committed and answered. It
may be killed at any moment; what it had claimed and not written is lost, and no decision with it.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from serving.desk import Desk, open_desk
from serving.launch import Launch
from serving.log.database import LogUnavailable, open_database
from serving.log.decision_log import DecisionLog, open_log
from serving.log.record import PLATFORM, Record
from serving.pointers import read_pointer
from serving.policy import RELEASED, Policy
from serving.telemetry.counters import Counters, counters_folder
from serving.telemetry.telemetry import unharmed
from serving.trial.canary import drawn
from serving.trial.note import Trial, read_trial, tried_portfolios, write_stop
from serving.trial.rows import Claim, Role, ShadowRow, ShadowRows, open_shadow
from serving.trial.scoring import shadow_rows
from serving.trial.watch import CanaryWatch

LOOK_SECONDS = 0.5
RETRY_SECONDS = 5.0
AT_ONCE = 500
"""Records that are scored together; while there are as many, the next look follows at once."""
MOST_BEHIND = 50_000
DESKS = 4
SALT = "shadow"
_log = logging.getLogger("lendloop.shadow")

Load = Callable[[str, str], Desk]  # (portfolio, release)


@dataclass
class Shadow:
    """Scores beside the champion and stops canaries, one look at a portfolio at a time; belongs to one thread."""

    releases: Path
    log: DecisionLog
    rows: ShadowRows
    watch: CanaryWatch
    load: Load
    counters: Counters | None = None
    _desks: dict[str, Desk] = field(default_factory=dict)
    _policies: dict[str, Policy] = field(default_factory=dict)

    def look(self, portfolio: str) -> bool:
        """Judge the canary, then score what is new; whether there is more to score."""
        trial, champion = read_trial(self.releases, portfolio), read_pointer(self.releases, portfolio)
        if trial is None or champion is None or trial.sha == champion:
            return False
        if trial.share > 0:
            self._judge(portfolio, trial, champion)
        claim = self.rows.claim(portfolio, trial, most=AT_ONCE, behind=MOST_BEHIND)
        if claim is None:
            return False
        self._skip(portfolio, claim)
        records = [one for one in self.log.read_places(portfolio, claim.after, claim.last) if one.partner != PLATFORM]
        self._keep(portfolio, self._scored(portfolio, trial, champion, records))
        return claim.last - claim.after == AT_ONCE

    def _judge(self, portfolio: str, trial: Trial, champion: str) -> None:
        stop = self.watch.judge(portfolio, trial, self._policy(champion).canary)
        if stop is None:
            return
        write_stop(self.releases, portfolio, stop)
        self.watch.forget(portfolio)
        facts = {"portfolio": portfolio, "release": trial.sha, "fault": f"{stop.limit}: {stop.why}"}
        _log.error("canary stopped", extra=facts)
        if self.counters is not None:
            with unharmed():
                self.counters.canary_stops.labels(portfolio, stop.limit).inc()

    def _scored(self, portfolio: str, trial: Trial, champion: str, records: Sequence[Record]) -> list[ShadowRow]:
        share = self._policy(champion).canary.shadow_share
        person = self.log.vault.person
        taken = [
            one for one in records if one.entity_id and drawn(person(portfolio, one.entity_id), SALT, share)
        ]  # fmt: skip
        # Where the challenger has decided, the champion is in its shadow: both have a say about the same decisions.
        parts: tuple[tuple[Role, str, list[Record]], ...] = (
            ("challenger", trial.sha, [one for one in taken if one.release != trial.sha]),
            ("champion", champion, [one for one in taken if one.release == trial.sha]),
        )
        return [row for role, sha, part in parts if part for row in shadow_rows(self._desk(portfolio, sha), part, role)]

    def _keep(self, portfolio: str, rows: Sequence[ShadowRow]) -> None:
        self.rows.write(rows)
        if self.counters is not None:
            with unharmed():
                for row in rows:
                    self.counters.trial_decisions.labels(portfolio, f"shadow_{row.role}", row.outcome).inc()

    def _skip(self, portfolio: str, claim: Claim) -> None:
        if claim.skipped:
            _log.warning("decisions left out of the shadow", extra={"portfolio": portfolio, "status": claim.skipped})
            if self.counters is not None:
                with unharmed():
                    self.counters.shadow_skipped.labels(portfolio).inc(claim.skipped)

    def _policy(self, sha: str) -> Policy:
        if sha not in self._policies:
            text = (self.releases / sha / "policy.json").read_bytes()
            self._policies[sha] = Policy.model_validate_json(text, context=RELEASED)
        return self._policies[sha]

    def _desk(self, portfolio: str, sha: str) -> Desk:
        if sha not in self._desks:
            while len(self._desks) >= DESKS:
                self._desks.pop(next(iter(self._desks)))
            self._desks[sha] = self.load(portfolio, sha)
        return self._desks[sha]


def keep_shadowing(launch: Launch) -> None:
    """Look at every trial until the process ends; without any, only at whether there is one."""
    os.nice(10)  # the workers come first
    shadow: Shadow | None = None
    waits: dict[str, float] = {}
    faults: deque[str] = deque(maxlen=1)
    while True:
        more = False
        for portfolio in tried_portfolios(launch.releases):
            if time.monotonic() < waits.get(portfolio, 0.0):
                continue
            try:
                shadow = shadow or open_shadowing(launch)
                more = shadow.look(portfolio) or more
                faults.clear()
            except Exception as error:  # whatever a store, a disk or a release comes up with: it is tried again
                waits[portfolio] = time.monotonic() + RETRY_SECONDS
                fault = type(error).__name__ if not isinstance(error, LogUnavailable) else str(error)
                if fault not in faults:
                    _log.warning("shadow waits", extra={"portfolio": portfolio, "fault": fault})
                    faults.append(fault)
        if not more:
            time.sleep(LOOK_SECONDS)


def open_shadowing(launch: Launch) -> Shadow:
    """The shadow of a service, its stores opened."""

    def load(portfolio: str, sha: str) -> Desk:
        urls = {"registry": launch.feature_registry, "online": launch.online_store}
        return open_desk(portfolio, launch.releases / sha, **urls)

    log = open_log(launch.decision_log, launch.log_keys())
    watch = CanaryWatch(open_database(launch.decision_log, read_only=True))
    rows = open_shadow(launch.decision_log)
    return Shadow(launch.releases, log, rows, watch, load, Counters(counters_folder(launch.home)))
